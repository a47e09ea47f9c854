import {
  NO_BALLOT,
  compareBallots,
  maxBallot,
  type Ballot,
  type ServerId,
  type Slot,
} from '../../core/ballot';
import type { Environment } from '../../core/environment';
import { isFatal } from '../../core/errors';
import { gather, type Vanguard } from '../../core/gather';
import { standing, type QuorumSystem } from '../../core/quorum';
import type { ProtocolSettings } from '../../core/replica';
import type { RoundTrip } from '../../core/round-trip';
import type { LearnerService, Value } from '../log/messages';
import type { AcceptReply, AcceptorService, PrepareReply, Proposal } from './messages';
import type { Rounds } from '../log/rounds';

export interface ProposerOptions {
  /** First pause before a phase asks the silent acceptors again, at least; doubles. */
  readonly resendMs: number;
  /** After this long without a quorum, at least, a phase is given up and a new ballot tried. */
  readonly phaseTimeoutMs: number;
  /** Mean of the first back-off, at least; doubles. */
  readonly backOffBaseMs: number;
  readonly backOffCapMs: number;
}

/** What the proposer needs to know from its own learner. */
export interface KnownSlots {
  chosenIn(slot: Slot): Value | undefined;
  knows(slot: Slot): boolean;
  learn(entry: { slot: Slot; value: Value }): Promise<null>;
  until(reached: () => boolean, delayMs: number): Promise<void>;
}

/**
 * How a slot came out:
 * - `chosen`: this value is chosen in it, perhaps another server's;
 * - `truncated`: some value was, too long ago to tell which;
 * - `gave-up`: the deadline came first.
 * `voted` tells whether the own value was ever sent to an acceptor for a vote in this slot.
 */
export type Outcome =
  | { readonly kind: 'chosen'; readonly value: Value }
  | { readonly kind: 'truncated'; readonly voted: boolean }
  | { readonly kind: 'gave-up'; readonly voted: boolean };

type Phase1 = Promised | Refused;
interface Promised {
  readonly kind: 'promised';
  readonly adopted: Value | undefined;
  readonly by: ReadonlySet<ServerId>;
}
type Phase2 = { readonly kind: 'chosen' } | Refused;
type Refused =
  | { readonly kind: 'rejected'; readonly by: Ballot }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'silent' };

/** P2c [Paxos Made Simple, 2.2]: the value of the highest-numbered proposal among those reported; undefined if there is none. */
export function valueOfHighestBallot(reported: Iterable<Proposal | null>): Value | undefined {
  let highest: Proposal | null = null;
  for (const proposal of reported)
    if (proposal !== null && (highest === null || compareBallots(proposal.ballot, highest.ballot) > 0))
      highest = proposal;
  return highest?.value;
}

/**
 * Has one value chosen for a slot: prepare and accept, each by a quorum, with a higher ballot after each refusal
 * [Paxos Made Simple, 2.2, 2.4].
 */
export class Proposer {
  readonly #environment: Environment;
  readonly #quorums: QuorumSystem;
  readonly #thrifty: boolean;
  readonly #acceptors: ReadonlyMap<ServerId, AcceptorService>;
  readonly #learner: KnownSlots;
  readonly #peerLearners: readonly LearnerService[];
  readonly #rounds: Rounds;
  readonly #roundTrip: RoundTrip;
  readonly #options: ProposerOptions;
  /** Those whose latest call that ended was not answered. */
  readonly #silent = new Set<ServerId>();

  constructor(parts: {
    environment: Environment;
    settings: ProtocolSettings;
    acceptors: ReadonlyMap<ServerId, AcceptorService>;
    learner: KnownSlots;
    peerLearners: readonly LearnerService[];
    rounds: Rounds;
    roundTrip: RoundTrip;
    options: ProposerOptions;
  }) {
    this.#environment = parts.environment;
    this.#quorums = parts.settings.quorums;
    this.#thrifty = parts.settings.thrifty;
    this.#acceptors = parts.acceptors;
    this.#learner = parts.learner;
    this.#peerLearners = parts.peerLearners;
    this.#rounds = parts.rounds;
    this.#roundTrip = parts.roundTrip;
    this.#options = parts.options;
  }

  /** Has `value`, or the value that must be adopted in its place, chosen in `slot`; gives up at `deadline` on the clock. */
  async propose(slot: Slot, value: Value, deadline: number): Promise<Outcome> {
    let seen = NO_BALLOT;
    let voted = false;
    for (let attempt = 1; ; attempt++) {
      const known = this.#learner.chosenIn(slot);
      if (known !== undefined) return { kind: 'chosen', value: known };
      if (this.#learner.knows(slot)) return { kind: 'truncated', voted };
      if (this.#environment.clock.now() >= deadline) return { kind: 'gave-up', voted };

      const ballot = { round: await this.#rounds.next(seen.round), server: this.#environment.self };
      const promises = await this.#prepare(slot, ballot, attempt, deadline);
      if (promises.kind === 'truncated') return { kind: 'truncated', voted };
      if (promises.kind !== 'promised') {
        seen = await this.#refused(slot, ballot, 1, promises, seen, attempt);
        continue;
      }

      const proposal = promises.adopted ?? value;
      if (proposal.id === value.id) voted = true;
      const votes = await this.#accept(slot, ballot, proposal, promises, deadline);
      if (votes.kind === 'truncated') return { kind: 'truncated', voted };
      if (votes.kind !== 'chosen') {
        seen = await this.#refused(slot, ballot, 2, votes, seen, attempt);
        continue;
      }

      this.#announce(slot, ballot, proposal);
      return { kind: 'chosen', value: proposal };
    }
  }

  /** Phase 1a, and the verdict over the answers. */
  async #prepare(slot: Slot, ballot: Ballot, attempt: number, deadline: number): Promise<Phase1> {
    this.#environment.trace(() => ({ kind: 'prepare-sent', slot, ballot, attempt }));
    const request = { slot, ballot };
    const verdict = await gather<PrepareReply, Phase1>({
      ...this.#round(deadline),
      ask: (member) => this.#timed(member, this.#acceptor(member).prepare(request)),
      decide: (replies, resends) => {
        const promised = new Set<ServerId>();
        const reported: (Proposal | null)[] = [];
        for (const [member, reply] of replies) {
          if (reply.kind === 'truncated') return reply;
          if (reply.kind !== 'promised' || compareBallots(reply.ballot, ballot) !== 0) continue;
          promised.add(member);
          reported.push(reply.accepted);
        }
        if (this.#quorums.isPhase1Quorum(promised))
          return { kind: 'promised', adopted: valueOfHighestBallot(reported), by: promised };
        return this.#rejection(1, replies, resends);
      },
    });
    return verdict ?? { kind: 'silent' };
  }

  /** Phase 2a, to all acceptors and not only those that promised, unless thrifty; and the verdict over the votes. */
  async #accept(
    slot: Slot,
    ballot: Ballot,
    value: Value,
    promises: Promised,
    deadline: number,
  ): Promise<Phase2> {
    const adopted = promises.adopted !== undefined;
    this.#environment.trace(() => ({ kind: 'accept-sent', slot, ballot, value: value.id, adopted }));
    const request = { slot, ballot, value };
    const verdict = await gather<AcceptReply, Phase2>({
      ...this.#round(deadline),
      first: this.#thrifty ? this.#vanguard(promises.by) : undefined,
      ask: (member) => this.#timed(member, this.#acceptor(member).accept(request)),
      decide: (replies, resends) => {
        const voted = new Set<ServerId>();
        for (const [member, reply] of replies) {
          if (reply.kind === 'truncated') return reply;
          if (reply.kind === 'accepted' && compareBallots(reply.ballot, ballot) === 0) voted.add(member);
        }
        if (this.#quorums.isPhase2Quorum(voted)) return { kind: 'chosen' };
        return this.#rejection(2, replies, resends);
      },
    });
    return verdict ?? { kind: 'silent' };
  }

  /**
   * One refusal does not end a round: the others may still be a quorum. It does when they cannot, or when the silent ones
   * have been given their time.
   */
  #rejection(
    phase: 1 | 2,
    replies: ReadonlyMap<ServerId, PrepareReply | AcceptReply>,
    resends: number,
  ): Refused | undefined {
    let by: Ballot | undefined;
    const refused = new Set<ServerId>();
    for (const [member, reply] of replies) {
      if (reply.kind !== 'rejected') continue;
      by = maxBallot(by ?? NO_BALLOT, reply.promised);
      refused.add(member);
    }
    if (by === undefined) return undefined;
    const isOver = resends > 0 || standing(this.#quorums, phase, new Set(), refused) === 'lost';
    return isOver ? { kind: 'rejected', by } : undefined;
  }

  /** Backs off for a random time, or until the slot is decided; gives the highest ballot seen so far. */
  async #refused(
    slot: Slot,
    ballot: Ballot,
    phase: 1 | 2,
    refused: Exclude<Refused, { kind: 'truncated' }>,
    seen: Ballot,
    attempt: number,
  ): Promise<Ballot> {
    const baseMs = Math.max(this.#options.backOffBaseMs, this.#roundTrip.meanMs);
    const backOffMs =
      this.#environment.random.float() * Math.min(this.#options.backOffCapMs, baseMs * 2 ** attempt);
    this.#environment.trace(() => ({
      kind: 'phase-failed',
      slot,
      ballot,
      phase,
      reason: refused.kind,
      backOffMs,
    }));
    await this.#learner.until(() => this.#learner.knows(slot), backOffMs);
    return refused.kind === 'rejected' ? maxBallot(seen, refused.by) : seen;
  }

  /** A quorum voted for exactly this ballot: the value is chosen. Lost announcements are made up for by catch-up. */
  #announce(slot: Slot, ballot: Ballot, value: Value): void {
    this.#environment.trace(() => ({ kind: 'chosen', slot, ballot, value: value.id }));
    const entry = { slot, value };
    void this.#learner.learn(entry);
    for (const peer of this.#peerLearners) peer.learn(entry).catch(() => undefined);
  }

  #round(deadline: number): {
    members: readonly ServerId[];
    clock: Environment['clock'];
    resendMs: number;
    deadlineMs: number;
  } {
    const { clock } = this.#environment;
    const { patienceMs } = this.#roundTrip;
    const leftMs = Math.max(0, deadline - clock.now());
    return {
      members: this.#quorums.members,
      clock,
      resendMs: Math.max(this.#options.resendMs, patienceMs),
      deadlineMs: Math.min(leftMs, Math.max(this.#options.phaseTimeoutMs, 4 * patienceMs)),
    };
  }

  /** A smallest quorum of acceptors that vote, very likely: this server's own, and those that have just promised. */
  #vanguard(promised: ReadonlySet<ServerId>): Vanguard<AcceptReply> {
    return {
      members: this.#quorums.phase2Example([this.#environment.self, ...promised], this.#silent),
      isRefusal: (reply) => reply.kind !== 'accepted',
    };
  }

  async #timed<Reply>(member: ServerId, call: Promise<Reply>): Promise<Reply> {
    const { clock } = this.#environment;
    const askedAt = clock.now();
    try {
      const reply = await call;
      this.#silent.delete(member);
      this.#roundTrip.observe(clock.now() - askedAt);
      return reply;
    } catch (error) {
      if (!isFatal(error)) this.#silent.add(member);
      throw error;
    }
  }

  #acceptor(member: ServerId): AcceptorService {
    const acceptor = this.#acceptors.get(member);
    if (acceptor === undefined) throw new RangeError(`no acceptor for server ${member}`);
    return acceptor;
  }
}
