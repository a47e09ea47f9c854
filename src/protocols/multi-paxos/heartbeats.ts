import { compareBallots, type Ballot, type ServerId, type Slot } from '../../core/ballot';
import type { Cancel, Environment } from '../../core/environment';
import { isFatal } from '../../core/errors';
import { gather } from '../../core/gather';
import type { QuorumSystem } from '../../core/quorum';
import type { LeaderLease } from '../../core/replica';
import type { RoundTrip } from '../../core/round-trip';
import { safeMs } from './lease';
import type { AcceptorService, HeartbeatReply } from './messages';

export interface HeartbeatOptions {
  readonly heartbeatMs: number;
  /** After this pause without another message, the followers are told what was chosen last. */
  readonly noticeMs: number;
  /** A leader that no phase-2 quorum has answered for so long steps down. */
  readonly checkQuorumMs: number;
  /** First pause before a round that confirms the leader asks the silent followers again, at least; doubles. */
  readonly resendMs: number;
  readonly phaseTimeoutMs: number;
}

/** Why a leader is none any more. `by`: the higher ballot that it met. */
export type End =
  | { readonly reason: 'overtaken'; readonly by: Ballot }
  | { readonly reason: 'no-quorum' }
  | { readonly reason: 'stopped' };

const SILENT_BEATS = 3;

/**
 * How a leader and its followers know of each other: it tells them that it lives and what is chosen, and steps down
 * when too few of them answer. Without that a leader that can send and not receive would block everybody.
 */
export class Heartbeats {
  readonly #environment: Environment;
  readonly #quorums: QuorumSystem;
  readonly #lease: LeaderLease | undefined;
  readonly #acceptors: ReadonlyMap<ServerId, AcceptorService>;
  readonly #ballot: Ballot;
  readonly #chosenUpTo: () => Slot;
  readonly #onEnd: (end: End) => void;
  readonly #roundTrip: RoundTrip;
  readonly #options: HeartbeatOptions;
  readonly #answeredAt = new Map<ServerId, number>();
  /** When the last heartbeat was sent that the member has answered. */
  readonly #grantedAt = new Map<ServerId, number>();
  #told: Slot = 0;
  #confirmation: Promise<boolean> | undefined;
  #nextConfirmation: Promise<boolean> | undefined;
  #cancelBeat: Cancel | undefined;
  #cancelNotice: Cancel | undefined;
  #stopped = false;

  constructor(parts: {
    environment: Environment;
    quorums: QuorumSystem;
    lease: LeaderLease | undefined;
    acceptors: ReadonlyMap<ServerId, AcceptorService>;
    ballot: Ballot;
    /** Up to where slots are chosen, as the leader of this very ballot knows. */
    chosenUpTo: () => Slot;
    onEnd: (end: End) => void;
    roundTrip: RoundTrip;
    options: HeartbeatOptions;
  }) {
    this.#environment = parts.environment;
    this.#quorums = parts.quorums;
    this.#lease = parts.lease;
    this.#acceptors = parts.acceptors;
    this.#ballot = parts.ballot;
    this.#chosenUpTo = parts.chosenUpTo;
    this.#onEnd = parts.onEnd;
    this.#roundTrip = parts.roundTrip;
    this.#options = parts.options;
    // A quorum has just promised.
    const now = parts.environment.clock.now();
    for (const member of parts.quorums.members) this.#answeredAt.set(member, now);
  }

  /** Whether a phase-2 quorum has answered lately: what is proposed now can be chosen. */
  get hasQuorum(): boolean {
    const silent = this.#silentFor(this.#options.checkQuorumMs);
    return this.#quorums.isPhase2Quorum(
      new Set(this.#quorums.members.filter((member) => !silent.has(member))),
    );
  }

  /**
   * Whether nobody else can be leader now: a set of servers that meets every phase-1 quorum has granted that, each from
   * a moment after the heartbeat to it was sent.
   */
  get hasLease(): boolean {
    const lease = this.#lease;
    if (lease === undefined || this.#stopped) return false;
    const since = this.#environment.clock.now() - safeMs(lease);
    const granting = [...this.#grantedAt].filter(([, sentAt]) => sentAt > since);
    return this.#quorums.isPhase2Quorum(new Set(granting.map(([member]) => member)));
  }

  /** Peers that have left several heartbeats unanswered. */
  get silent(): ReadonlySet<ServerId> {
    return this.#silentFor(SILENT_BEATS * this.#options.heartbeatMs);
  }

  /** The servers, this one first, the others by how lately they answered. */
  get latestFirst(): ServerId[] {
    const { self } = this.#environment;
    const rank = ([member, at]: [ServerId, number]): number => (member === self ? Infinity : at);
    return [...this.#answeredAt].sort((a, b) => rank(b) - rank(a)).map(([member]) => member);
  }

  start(): void {
    this.#beat();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelBeat?.();
    this.#cancelNotice?.();
  }

  /** The member has answered under this leader's ballot. */
  answered(member: ServerId): void {
    this.#answeredAt.set(member, this.#environment.clock.now());
  }

  /** The followers hear of what is chosen up to here, by another message. */
  told(chosenUpTo: Slot): void {
    this.#told = Math.max(this.#told, chosenUpTo);
  }

  /** Something was chosen: the followers hear of it with the next message, and without one in a moment. */
  noticeSoon(): void {
    this.#cancelNotice ??= this.#environment.clock.after(this.#options.noticeMs, () => {
      this.#cancelNotice = undefined;
      if (this.#told < this.#chosenUpTo()) this.#notify();
    });
  }

  /**
   * Whether this server still was the leader at some moment after this call. One round of heartbeats that starts after
   * the call answers all who wait: acks of an earlier one may come from before another leader was elected
   * [Ongaro, Consensus: Bridging Theory and Practice, 6.4].
   */
  confirm(): Promise<boolean> {
    this.#nextConfirmation ??= (this.#confirmation ?? Promise.resolve()).then(() => {
      this.#nextConfirmation = undefined;
      this.#confirmation = this.#confirmOnce().finally(() => (this.#confirmation = undefined));
      return this.#confirmation;
    });
    return this.#nextConfirmation;
  }

  #silentFor(delayMs: number): Set<ServerId> {
    const since = this.#environment.clock.now() - delayMs;
    const { self } = this.#environment;
    const silent = [...this.#answeredAt].filter(([member, at]) => member !== self && at < since);
    return new Set(silent.map(([member]) => member));
  }

  #beat(): void {
    if (!this.hasQuorum) {
      this.#onEnd({ reason: 'no-quorum' });
      return;
    }
    this.#notify();
    this.#cancelBeat = this.#environment.clock.after(this.#options.heartbeatMs, () => {
      this.#beat();
    });
  }

  #notify(): void {
    const request = this.#request();
    for (const member of this.#quorums.members)
      this.#ask(member, request).catch((error: unknown) => {
        if (isFatal(error)) this.#environment.fail(error);
      });
  }

  async #confirmOnce(): Promise<boolean> {
    while (!this.#stopped) {
      const request = this.#request();
      const isConfirmed = await gather<HeartbeatReply, boolean>({
        members: this.#quorums.members,
        clock: this.#environment.clock,
        resendMs: Math.max(this.#options.resendMs, this.#roundTrip.patienceMs),
        deadlineMs: this.#options.phaseTimeoutMs,
        ask: (member) => this.#ask(member, request),
        decide: (replies) => {
          if (this.#stopped) return false;
          const following = [...replies].filter(
            ([, reply]) => reply.kind === 'following' && compareBallots(reply.ballot, this.#ballot) === 0,
          );
          // A phase-2 quorum meets every phase-1 quorum: no other leader had one when these answered.
          const isQuorum = this.#quorums.isPhase2Quorum(new Set(following.map(([member]) => member)));
          return isQuorum ? true : undefined;
        },
      });
      if (isConfirmed === true) return true;
    }
    return false;
  }

  #request(): { ballot: Ballot; chosenUpTo: Slot } {
    const chosenUpTo = this.#chosenUpTo();
    this.told(chosenUpTo);
    return { ballot: this.#ballot, chosenUpTo };
  }

  async #ask(member: ServerId, request: { ballot: Ballot; chosenUpTo: Slot }): Promise<HeartbeatReply> {
    const acceptor = this.#acceptors.get(member);
    if (acceptor === undefined) throw new RangeError(`no acceptor for server ${member}`);
    const { clock } = this.#environment;
    const sentAt = clock.now();
    const reply = await this.#roundTrip.measure(clock, acceptor.heartbeat(request));
    if (reply.kind === 'rejected') this.#onEnd({ reason: 'overtaken', by: reply.promised });
    else if (compareBallots(reply.ballot, this.#ballot) === 0) {
      this.answered(member);
      this.#grantedAt.set(member, Math.max(sentAt, this.#grantedAt.get(member) ?? sentAt));
    }
    return reply;
  }
}
