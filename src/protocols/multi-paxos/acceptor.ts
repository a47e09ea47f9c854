import { NO_BALLOT, compareBallots, maxBallot, type Ballot, type Slot } from '../../core/ballot';
import type { Change, Environment } from '../../core/environment';
import { invariant } from '../../core/invariant';
import type { Json } from '../../core/json';
import { slotKey } from '../../core/keys';
import { sizeOf, slotsWithin } from '../log/log';
import type { Value } from '../log/messages';
import type { AcceptReply, Entry, HeartbeatReply, PrepareReply, Vote } from './messages';

/** Where the promise is stored, and the votes: those of one message together, under their first slot and ballot. */
export const PROMISED = 'acceptor/promised';
export const ACCEPTED = 'acceptor/accepted/';

/** The votes of one message, as they are stored. */
export type StoredVotes = {
  readonly ballot: { readonly round: number; readonly server: number };
  readonly entries: readonly Entry[];
};

export interface AcceptorOptions {
  /** The most that one answer to a candidate holds, about. */
  readonly pieceSlots: number;
  readonly pieceCharacters: number;
}

/** What the acceptor asks of its own learner. */
export interface AppliedSlots {
  /** All slots up to this one are known to be chosen, and applied. */
  readonly applied: Slot;
  chosenIn(slot: Slot): Value | undefined;
}

interface Stored {
  readonly key: string;
  readonly last: Slot;
}

/**
 * The memory of the protocol. One promise holds for all slots, those without a vote included: a leader needs phase 1
 * only once [Paxos Made Simple, 3]. Whatever an acceptor says is durable before it is said; also for a repeated
 * request, which may arrive while the first one is still being written.
 */
export class Acceptor {
  readonly #environment: Environment;
  readonly #options: AcceptorOptions;
  readonly #learner: AppliedSlots;
  readonly #votes = new Map<Slot, Vote>();
  /** What is stored of the votes, in the order in which it was cast. */
  #stored: Stored[] = [];
  #promised: Ballot = NO_BALLOT;
  #floor: Slot = 1;
  #highest: Slot = 0;

  constructor(environment: Environment, options: AcceptorOptions, learner: AppliedSlots) {
    this.#environment = environment;
    this.#options = options;
    this.#learner = learner;
  }

  get promised(): Ballot {
    return this.#promised;
  }

  /** The vote in this slot, durable or about to be. */
  voteIn(slot: Slot): Vote | undefined {
    return this.#votes.get(slot);
  }

  /** Takes back one stored entry. Entries of other roles are left alone. */
  recover(key: string, stored: Json): void {
    if (key === PROMISED) this.#promised = maxBallot(this.#promised, stored as unknown as Ballot);
    if (!key.startsWith(ACCEPTED)) return;
    const { ballot, entries } = stored as unknown as StoredVotes;
    for (const { slot, value } of entries) {
      // Several ballots may have had the slot, in any order of their keys: the last vote is the one of the highest.
      const other = this.#votes.get(slot);
      if (other === undefined || compareBallots(ballot, other.ballot) > 0)
        this.#record({ slot, ballot, value });
    }
    this.#stored.push({ key, last: entries.at(-1)?.slot ?? 0 });
    this.#promised = maxBallot(this.#promised, ballot);
  }

  /** Phase 1b: promise to vote for nothing below `ballot` in any slot, and report the votes cast so far. */
  async prepare({ ballot, from }: { ballot: Ballot; from: Slot }): Promise<PrepareReply> {
    const promised = this.#promised;
    if (compareBallots(ballot, promised) < 0) {
      this.#environment.trace(() => ({ kind: 'prepare-rejected', slot: from, ballot, promised }));
      return { kind: 'rejected', promised };
    }
    this.#promised = ballot;
    const reply: PrepareReply = {
      kind: 'promised',
      ballot,
      ...this.#report(from),
      floor: this.#floor,
      applied: this.#learner.applied,
    };
    const isNew = compareBallots(ballot, promised) > 0;
    await this.#environment.storage.write(isNew ? [promiseOf(ballot)] : []);
    this.#environment.trace(() => ({ kind: 'promised', slot: from, ballot, onwards: true }));
    return reply;
  }

  /**
   * Phase 2b: vote for the entries unless a higher ballot was promised. A vote promises too: see the acceptor of the
   * single-decree protocol. Since the promise is for all slots, a vote in one of them raises it for all.
   */
  async accept({ ballot, entries }: { ballot: Ballot; entries: readonly Entry[] }): Promise<AcceptReply> {
    const promised = this.#promised;
    if (compareBallots(ballot, promised) < 0) {
      const slot = entries[0]?.slot ?? this.#floor;
      this.#environment.trace(() => ({ kind: 'accept-rejected', slot, ballot, promised }));
      return { kind: 'rejected', promised };
    }
    const floor = this.#floorFor(entries);
    this.#promised = ballot;
    const fresh = entries.filter((entry) => entry.slot >= floor && !this.#isRepeated(ballot, entry));
    for (const { slot, value } of fresh) this.#record({ slot, ballot, value });
    // Stored by itself too: the votes that it came with are dropped one day, and the promise must stay.
    const changes: Change[] = compareBallots(ballot, promised) > 0 ? [promiseOf(ballot)] : [];
    if (fresh.length > 0) changes.push(this.#store(ballot, fresh));
    await this.#environment.storage.write(changes);
    for (const { slot, value } of entries)
      if (slot >= floor)
        this.#environment.trace(() => ({ kind: 'accepted', slot, ballot, value: value.id, onwards: true }));
    return { kind: 'accepted', ballot, floor };
  }

  /** Whether this server still follows the ballot. Promises nothing, so nothing is written. */
  heartbeat({ ballot }: { ballot: Ballot }): HeartbeatReply {
    const promised = this.#promised;
    return compareBallots(ballot, promised) < 0
      ? { kind: 'rejected', promised }
      : { kind: 'following', ballot, applied: this.#learner.applied };
  }

  /** Forgets the slots below `floor`, which the caller has durably applied. Gives the changes to store with that. */
  truncate(floor: Slot): Change[] {
    for (const [slot] of slotsWithin(this.#votes, this.#floor, floor - 1)) this.#votes.delete(slot);
    this.#floor = Math.max(this.#floor, floor);
    const isDropped = ({ last }: Stored): boolean => last < floor;
    const dropped = this.#stored.filter(isDropped);
    if (dropped.length > 0) this.#stored = this.#stored.filter((stored) => !isDropped(stored));
    return dropped.map(({ key }) => ({ key, value: undefined }));
  }

  /**
   * From where on these entries get votes. A value other than the one known to be chosen is proposed under a ballot below
   * the one that chose it [Paxos Made Simple, P2b]: a vote for it could help nobody, and the own vote of an applied slot
   * stays what it is.
   */
  #floorFor(entries: readonly Entry[]): Slot {
    const { applied } = this.#learner;
    const isLost = ({ slot, value }: Entry): boolean =>
      slot <= applied && slot >= this.#floor && this.#learner.chosenIn(slot)?.id !== value.id;
    return entries.some(isLost) ? applied + 1 : this.#floor;
  }

  #isRepeated(ballot: Ballot, { slot, value }: Entry): boolean {
    const vote = this.#votes.get(slot);
    if (vote === undefined || compareBallots(ballot, vote.ballot) !== 0) return false;
    invariant(vote.value.id === value.id, 'a ballot proposes one value in a slot');
    return true;
  }

  #record(vote: Vote): void {
    this.#votes.set(vote.slot, vote);
    this.#highest = Math.max(this.#highest, vote.slot);
  }

  /** No other message of this ballot is stored under the same slot: its first vote would be a repeated one. */
  #store(ballot: Ballot, entries: readonly Entry[]): Change {
    const [first, last] = [entries[0]?.slot ?? 0, entries.at(-1)?.slot ?? 0];
    const key = `${slotKey(ACCEPTED, first)}/${ballot.round}.${ballot.server}`;
    this.#stored.push({ key, last });
    return { key, value: { ballot: { ...ballot }, entries } };
  }

  #report(from: Slot): { votes: Vote[]; next: Slot | null } {
    const { pieceSlots, pieceCharacters } = this.#options;
    const votes: Vote[] = [];
    let characters = 0;
    for (const [slot, vote] of slotsWithin(this.#votes, Math.max(from, this.#floor), this.#highest)) {
      if (votes.length === pieceSlots || (votes.length > 0 && characters > pieceCharacters))
        return { votes, next: slot };
      votes.push(vote);
      characters += sizeOf(vote.value);
    }
    return { votes, next: null };
  }
}

function promiseOf(ballot: Ballot): Change {
  return { key: PROMISED, value: { ...ballot } };
}
