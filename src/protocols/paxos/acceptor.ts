import { NO_BALLOT, compareBallots, maxBallot, type Ballot, type Slot } from '../../core/ballot';
import type { Change, Environment } from '../../core/environment';
import { invariant } from '../../core/invariant';
import type { Json } from '../../core/json';
import { slotKey, slotOfKey } from '../../core/keys';
import { slotsWithin } from '../log/log';
import type { Value } from '../log/messages';
import type { AcceptReply, AcceptorService, PrepareReply, Proposal } from './messages';

/** Where promises and votes are stored, by slot. */
export const PROMISED = 'acceptor/promised/';
export const ACCEPTED = 'acceptor/accepted/';

/** What an acceptor must remember of one slot [Paxos Made Simple, 2.5]. */
export interface Votes {
  /** No ballot below this one gets a vote. */
  readonly promised: Ballot;
  /** The last proposal voted for. Its ballot is never above `promised`. */
  readonly accepted: Proposal | null;
}

export const NO_VOTES: Votes = { promised: NO_BALLOT, accepted: null };

/** Phase 1b: promise to vote for nothing below `ballot`, and report the vote cast so far. Undefined: rejected. */
export function promise(votes: Votes, ballot: Ballot): Votes | undefined {
  if (compareBallots(ballot, votes.promised) < 0) return undefined;
  return { promised: ballot, accepted: votes.accepted };
}

/**
 * Phase 2b: vote for `proposal` unless a higher ballot was promised. Undefined: rejected.
 * A vote promises too. Read to the letter, PMS 2.2 forbids a vote only after *answering a prepare* of a higher
 * number; then a late accept of a lower ballot could overwrite a chosen value.
 */
export function vote(votes: Votes, proposal: Proposal): Votes | undefined {
  if (compareBallots(proposal.ballot, votes.promised) < 0) return undefined;
  return { promised: proposal.ballot, accepted: proposal };
}

/**
 * The memory of the protocol: promises and votes, slot by slot. Whatever it says is durable before it is said;
 * also for a repeated request, which may arrive while the first one is still being written.
 */
export class Acceptor implements AcceptorService {
  readonly #environment: Environment;
  readonly #slots = new Map<Slot, Votes>();
  #floor: Slot = 1;
  #highestAccepted: Slot = 0;
  #highestPromised: Ballot = NO_BALLOT;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  get highestPromised(): Ballot {
    return this.#highestPromised;
  }

  /** The highest slot with a vote of this acceptor, durable or about to be. */
  get highestAcceptedSlot(): Slot {
    return this.#highestAccepted;
  }

  /** Takes back one stored entry. Entries of other roles are left alone. */
  recover(key: string, stored: Json): void {
    const promised = slotOfKey(PROMISED, key);
    if (promised !== undefined)
      this.#record(promised, { ...this.#votes(promised), promised: stored as unknown as Ballot });
    const accepted = slotOfKey(ACCEPTED, key);
    if (accepted === undefined) return;
    const proposal = stored as unknown as Proposal;
    // Keys come in order: the vote is read before the promise, which a vote has perhaps overtaken.
    this.#record(accepted, { promised: proposal.ballot, accepted: proposal });
  }

  async prepare({ slot, ballot }: { slot: Slot; ballot: Ballot }): Promise<PrepareReply> {
    if (slot < this.#floor) return { kind: 'truncated', floor: this.#floor };
    const before = this.#votes(slot);
    const after = promise(before, ballot);
    if (after === undefined) {
      this.#environment.trace(() => ({ kind: 'prepare-rejected', slot, ballot, promised: before.promised }));
      return { kind: 'rejected', promised: before.promised };
    }
    this.#record(slot, after);
    const isNew = compareBallots(ballot, before.promised) > 0;
    await this.#environment.storage.write(
      isNew ? [{ key: slotKey(PROMISED, slot), value: { ...ballot } }] : [],
    );
    this.#environment.trace(() => ({ kind: 'promised', slot, ballot }));
    return { kind: 'promised', ballot, accepted: after.accepted };
  }

  async accept({ slot, ballot, value }: { slot: Slot; ballot: Ballot; value: Value }): Promise<AcceptReply> {
    if (slot < this.#floor) return { kind: 'truncated', floor: this.#floor };
    const before = this.#votes(slot);
    const proposal: Proposal = { ballot, value };
    const after = vote(before, proposal);
    if (after === undefined) {
      this.#environment.trace(() => ({ kind: 'accept-rejected', slot, ballot, promised: before.promised }));
      return { kind: 'rejected', promised: before.promised };
    }
    const repeated = before.accepted !== null && compareBallots(ballot, before.accepted.ballot) === 0;
    invariant(!repeated || before.accepted.value.id === value.id, 'a ballot proposes one value in a slot');
    this.#record(slot, after);
    // The vote alone is stored: on recovery its ballot counts as promised.
    await this.#environment.storage.write(
      repeated ? [] : [{ key: slotKey(ACCEPTED, slot), value: proposal }],
    );
    this.#environment.trace(() => ({ kind: 'accepted', slot, ballot, value: value.id }));
    return { kind: 'accepted', ballot };
  }

  /**
   * Not below any durable vote. It may be above: a vote being written counts already, which makes a reader wait
   * for more than it needs, never for less.
   */
  highestAccepted(): Promise<{ slot: Slot }> {
    return Promise.resolve({ slot: Math.max(this.#highestAccepted, this.#floor - 1) });
  }

  /** Forgets the slots below `floor`, which the caller has durably applied. Gives the changes to store with that. */
  truncate(floor: Slot): Change[] {
    const changes: Change[] = [];
    for (const [slot] of slotsWithin(this.#slots, this.#floor, floor - 1)) {
      this.#slots.delete(slot);
      changes.push(
        { key: slotKey(PROMISED, slot), value: undefined },
        { key: slotKey(ACCEPTED, slot), value: undefined },
      );
    }
    this.#floor = Math.max(this.#floor, floor);
    return changes;
  }

  #votes(slot: Slot): Votes {
    return this.#slots.get(slot) ?? NO_VOTES;
  }

  #record(slot: Slot, votes: Votes): void {
    const before = this.#votes(slot);
    const promised = maxBallot(before.promised, votes.promised);
    this.#slots.set(slot, { promised, accepted: votes.accepted });
    this.#highestPromised = maxBallot(this.#highestPromised, promised);
    if (votes.accepted !== null) this.#highestAccepted = Math.max(this.#highestAccepted, slot);
  }
}
