import {
  NO_BALLOT,
  compareBallots,
  maxBallot,
  type Ballot,
  type ServerId,
  type Slot,
} from '../../core/ballot';
import type { Environment } from '../../core/environment';
import { gather } from '../../core/gather';
import { standing, type QuorumSystem } from '../../core/quorum';
import type { RoundTrip } from '../../core/round-trip';
import type { Value } from '../log/messages';
import type { AcceptorService, Entry, Rejected, Vote } from './messages';

export interface CandidateOptions {
  /** First pause before phase 1 asks the silent acceptors again, at least; doubles. */
  readonly prepareResendMs: number;
  /** A candidate that has no quorum by then gives up. */
  readonly candidacyMs: number;
}

/** What the candidate needs of its own learner. */
export interface LearnedSlots {
  readonly applied: Slot;
  until(reached: () => boolean, delayMs: number): Promise<void>;
}

/** All that one acceptor reports. */
interface Promised {
  readonly kind: 'promised';
  readonly ballot: Ballot;
  readonly votes: readonly Vote[];
  /** Up to where the acceptor's server knows slots to be chosen, at least. */
  readonly chosenUpTo: Slot;
}

type Reply = Promised | Rejected;

/** What a new leader must propose before anything of its own, from its first unchosen slot on, without a gap. */
export type Candidacy =
  | { readonly kind: 'elected'; readonly firstSlot: Slot; readonly inherited: readonly Entry[] }
  | { readonly kind: 'rejected'; readonly by: Ballot }
  | { readonly kind: 'silent' };

/**
 * P2c for a range of slots [Paxos Made Simple, 2.2, 3]: in each slot from `first` to the last with a vote, the value of
 * the highest-numbered vote reported; the no-op where nothing was.
 */
export function inherit(first: Slot, reported: Iterable<Vote>, noOp: () => Value): Entry[] {
  const highest = new Map<Slot, Vote>();
  let last = first - 1;
  for (const vote of reported) {
    if (vote.slot < first) continue;
    last = Math.max(last, vote.slot);
    const other = highest.get(vote.slot);
    if (other === undefined || compareBallots(vote.ballot, other.ballot) > 0) highest.set(vote.slot, vote);
  }
  const entries: Entry[] = [];
  for (let slot = first; slot <= last; slot++)
    entries.push({ slot, value: highest.get(slot)?.value ?? noOp() });
  return entries;
}

/** Phase 1 for all slots that are not known to be chosen, once [Paxos Made Simple, 3]. */
export class Candidate {
  readonly #environment: Environment;
  readonly #quorums: QuorumSystem;
  readonly #acceptors: ReadonlyMap<ServerId, AcceptorService>;
  readonly #learner: LearnedSlots;
  readonly #repair: (target: Slot) => Promise<void>;
  readonly #noOp: () => Value;
  readonly #roundTrip: RoundTrip;
  readonly #options: CandidateOptions;

  constructor(parts: {
    environment: Environment;
    quorums: QuorumSystem;
    acceptors: ReadonlyMap<ServerId, AcceptorService>;
    learner: LearnedSlots;
    /** Learns from the peers what is chosen up to there. */
    repair: (target: Slot) => Promise<void>;
    noOp: () => Value;
    roundTrip: RoundTrip;
    options: CandidateOptions;
  }) {
    this.#environment = parts.environment;
    this.#quorums = parts.quorums;
    this.#acceptors = parts.acceptors;
    this.#learner = parts.learner;
    this.#repair = parts.repair;
    this.#noOp = parts.noOp;
    this.#roundTrip = parts.roundTrip;
    this.#options = parts.options;
  }

  /** Never used before, this ballot. */
  async campaign(ballot: Ballot, attempt: number): Promise<Candidacy> {
    const { clock } = this.#environment;
    const deadline = clock.now() + this.#options.candidacyMs;
    const from = this.#learner.applied + 1;
    this.#environment.trace(() => ({ kind: 'prepare-sent', slot: from, ballot, attempt }));
    const outcome = await this.#prepare(ballot, from);
    if (outcome === undefined) return { kind: 'silent' };
    if (!Array.isArray(outcome)) return { kind: 'rejected', by: outcome.promised };

    // What some acceptor knows to be chosen it may have dropped the votes of. It is learned, never proposed again.
    const settled = Math.max(...outcome.map(({ chosenUpTo }) => chosenUpTo));
    if (!(await this.#learnUpTo(settled, deadline))) return { kind: 'silent' };
    const firstSlot = this.#learner.applied + 1;
    const inherited = inherit(
      firstSlot,
      outcome.flatMap(({ votes }) => votes),
      this.#noOp,
    );
    return { kind: 'elected', firstSlot, inherited };
  }

  async #prepare(ballot: Ballot, from: Slot): Promise<Promised[] | Rejected | undefined> {
    const { clock } = this.#environment;
    return gather<Reply, Promised[] | Rejected>({
      members: this.#quorums.members,
      clock,
      resendMs: Math.max(this.#options.prepareResendMs, this.#roundTrip.patienceMs),
      deadlineMs: this.#options.candidacyMs,
      ask: (member) => this.#ask(member, ballot, from),
      decide: (replies, resends) => {
        const promises = new Map<ServerId, Promised>();
        const refused = new Set<ServerId>();
        let by: Ballot | undefined;
        for (const [member, reply] of replies) {
          if (reply.kind === 'rejected') {
            by = maxBallot(by ?? NO_BALLOT, reply.promised);
            refused.add(member);
          } else if (compareBallots(reply.ballot, ballot) === 0) promises.set(member, reply);
        }
        const stands = standing(this.#quorums, 1, new Set(promises.keys()), refused);
        if (stands === 'reached') return [...promises.values()];
        // One refusal does not end it: the others may still be a quorum.
        return by !== undefined && (resends > 0 || stands === 'lost')
          ? { kind: 'rejected', promised: by }
          : undefined;
      },
    });
  }

  /** All pieces of one acceptor's answer; it counts only when it is complete. */
  async #ask(member: ServerId, ballot: Ballot, from: Slot): Promise<Reply> {
    const acceptor = this.#acceptors.get(member);
    if (acceptor === undefined) throw new RangeError(`no acceptor for server ${member}`);
    const votes: Vote[] = [];
    let chosenUpTo: Slot = 0;
    for (let next: Slot | null = from; next !== null;) {
      const reply = await acceptor.prepare({ ballot, from: next });
      if (reply.kind === 'rejected') return reply;
      votes.push(...reply.votes);
      chosenUpTo = Math.max(chosenUpTo, reply.floor - 1, reply.applied);
      next = reply.next;
    }
    return { kind: 'promised', ballot, votes, chosenUpTo };
  }

  async #learnUpTo(target: Slot, deadline: number): Promise<boolean> {
    const { clock } = this.#environment;
    const isThere = (): boolean => this.#learner.applied >= target;
    while (!isThere() && clock.now() < deadline) {
      const repaired = this.#repair(target);
      // It may go on, and fail, when nobody waits for it any more.
      repaired.catch(this.#environment.fail);
      await Promise.race([repaired, this.#learner.until(isThere, Math.max(0, deadline - clock.now()))]);
      if (!isThere()) await clock.sleep(this.#options.prepareResendMs);
    }
    return isThere();
  }
}
