import type { ServerId } from './ballot';
import type { Cancel, Clock } from './environment';
import { isFatal } from './errors';

export interface Gathering<Reply, Verdict> {
  readonly members: readonly ServerId[];
  readonly ask: (member: ServerId) => Promise<Reply>;
  /**
   * Looks at the answers so far, at most one of each member: a verdict ends the gathering, undefined waits on.
   * `resends` tells how often the silent members were asked again.
   */
  readonly decide: (replies: ReadonlyMap<ServerId, Reply>, resends: number) => Verdict | undefined;
  readonly clock: Clock;
  /** First pause before the silent members are asked again; it doubles each time. */
  readonly resendMs: number;
  readonly deadlineMs: number;
}

/**
 * Asks all members at once and again until they answer. Resolves at the first verdict, or with undefined at the deadline.
 * A member that fails to answer is silent: neither a vote nor a refusal. It counts once however often it answers,
 * and what it says after the verdict is dropped: that belongs to a finished round.
 */
export function gather<Reply, Verdict>(gathering: Gathering<Reply, Verdict>): Promise<Verdict | undefined> {
  const { members, ask, decide, clock, deadlineMs } = gathering;
  return new Promise((resolve, reject) => {
    const replies = new Map<ServerId, Reply>();
    let settled = false;
    let resends = 0;
    let cancelResend: Cancel;

    const cancelDeadline = clock.after(deadlineMs, () => {
      settle(undefined);
    });
    const settle = (verdict: Verdict | undefined): void => {
      settled = true;
      cancelResend();
      cancelDeadline();
      resolve(verdict);
    };
    const consider = (): void => {
      const verdict = decide(replies, resends);
      if (verdict !== undefined) settle(verdict);
    };
    const count = (member: ServerId, reply: Reply): void => {
      if (settled || replies.has(member)) return;
      replies.set(member, reply);
      consider();
    };
    const fail = (error: unknown): void => {
      if (settled || !isFatal(error)) return;
      settled = true;
      cancelResend();
      cancelDeadline();
      reject(error);
    };
    const askSilent = (): void => {
      for (const member of members) {
        if (!replies.has(member))
          ask(member).then((reply) => {
            count(member, reply);
          }, fail);
      }
    };
    const scheduleResend = (pauseMs: number): void => {
      cancelResend = clock.after(pauseMs, () => {
        resends++;
        consider();
        if (settled) return;
        askSilent();
        scheduleResend(pauseMs * 2);
      });
    };

    scheduleResend(gathering.resendMs);
    askSilent();
  });
}
