import type { ServerId } from './ballot';
import type { Cancel, Clock } from './environment';
import { isFatal } from './errors';

/** The members that are asked first, and alone, until one of them refuses, fails, or is late. */
export interface Vanguard<Reply> {
  readonly members: readonly ServerId[];
  readonly isRefusal: (reply: Reply) => boolean;
}

export interface Gathering<Reply, Verdict> {
  readonly members: readonly ServerId[];
  /** Left out: all members. */
  readonly first?: Vanguard<Reply> | undefined;
  readonly ask: (member: ServerId) => Promise<Reply>;
  /**
   * Looks at the answers so far, at most one of each member: a verdict ends the gathering, undefined waits on.
   * `resends` tells how often all silent members were asked again; Infinity at the deadline, when it is asked once more.
   */
  readonly decide: (replies: ReadonlyMap<ServerId, Reply>, resends: number) => Verdict | undefined;
  readonly clock: Clock;
  /** First pause before the silent members are asked again; it doubles each time. */
  readonly resendMs: number;
  readonly deadlineMs: number;
}

/**
 * Asks all members at once, unless some are to be first, and again until they answer. Resolves at the first verdict, or with undefined at the deadline.
 * A member that fails to answer is silent: neither a vote nor a refusal. It counts once however often it answers,
 * and what it says after the verdict is dropped: that belongs to a finished round.
 */
export function gather<Reply, Verdict>(gathering: Gathering<Reply, Verdict>): Promise<Verdict | undefined> {
  const { members, first, ask, decide, clock, deadlineMs } = gathering;
  return new Promise((resolve, reject) => {
    const replies = new Map<ServerId, Reply>();
    let settled = false;
    let resends = 0;
    let asked = first?.members ?? members;
    let cancelResend: Cancel;

    const cancelDeadline = clock.after(deadlineMs, () => {
      // A refusal that did not end it before is worth more than nothing.
      settle(decide(replies, Infinity));
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
      if (first?.isRefusal(reply) === true) askOthers();
    };
    const fail = (error: unknown): void => {
      if (settled) return;
      if (!isFatal(error)) {
        askOthers();
        return;
      }
      settled = true;
      cancelResend();
      cancelDeadline();
      reject(error);
    };
    const askEach = (some: readonly ServerId[]): void => {
      for (const member of some) {
        if (!replies.has(member))
          ask(member).then((reply) => {
            count(member, reply);
          }, fail);
      }
    };
    const askOthers = (): void => {
      if (settled || asked === members) return;
      const others = members.filter((member) => !asked.includes(member));
      asked = members;
      askEach(others);
    };
    const scheduleResend = (pauseMs: number): void => {
      cancelResend = clock.after(pauseMs, () => {
        if (asked === members) resends++;
        consider();
        if (settled) return;
        asked = members;
        askEach(members);
        scheduleResend(pauseMs * 2);
      });
    };

    scheduleResend(gathering.resendMs);
    askEach(asked);
  });
}
