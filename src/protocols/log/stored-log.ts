import { compareBallots, type Ballot, type Slot } from '../../core/ballot';
import type { Change } from '../../core/environment';
import type { Json } from '../../core/json';
import { slotKey, slotOfKey } from '../../core/keys';
import { Log, type LogLimits } from './log';
import type { Value } from './messages';

const CHOSEN = 'learner/chosen/';
/** Where it is stored up to which checkpoint the log is made of stored values and own votes, by the rule of StoredLog. */
const KEPT = 'learner/log';

/** What the own acceptor voted for last in a slot. */
export interface OwnVote {
  readonly ballot: Ballot;
  readonly value: Value;
}

/**
 * A log that is there again after a restart. Either all its values are stored, or only those that the own acceptor's
 * votes do not prove, since the votes are stored anyway.
 *
 * What a vote proves: once a value is chosen under a ballot, every vote of that ballot or a higher one in the slot is for
 * that value [Paxos Made Simple, P2b], and later votes of an acceptor are of higher ballots. So a vote that is not below
 * the choosing ballot shows the chosen value now and for ever. Any other vote shows nothing, also if it is for the same
 * value today: a late proposal of a ballot between the two may replace it. Whoever learns a value without the ballot that
 * chose it, from a peer, stores the value.
 */
export class StoredLog extends Log {
  readonly #storesAll: boolean;
  readonly #stored = new Set<Slot>();
  /** Slots above the checkpoint whose value the own vote does not prove. */
  readonly #unproven = new Set<Slot>();
  #voteIn: (slot: Slot) => OwnVote | undefined = () => undefined;
  #keptTo: Slot = 0;

  constructor(limits: LogLimits, storesAll: boolean, offeredLimits = limits) {
    super(limits, offeredLimits);
    this.#storesAll = storesAll;
  }

  /** Counts on it that a vote is stored as soon as it is cast, until the slot is dropped. */
  onVotes(voteIn: (slot: Slot) => OwnVote | undefined): void {
    this.#voteIn = voteIn;
  }

  /** `chosenBy`: the ballot under which a quorum voted for the value, if that is known. */
  learn(slot: Slot, value: Value, chosenBy: Ballot | undefined): void {
    this.add(slot, value);
    if (!this.#storesAll && !this.#isProven(slot, chosenBy)) this.#unproven.add(slot);
  }

  /** Takes back one stored entry; false if it is none of a log. */
  recover(key: string, stored: Json): boolean {
    if (key === KEPT) {
      this.#keptTo = stored as Slot;
      return true;
    }
    const slot = slotOfKey(CHOSEN, key);
    if (slot === undefined) return false;
    this.add(slot, stored as unknown as Value);
    this.#stored.add(slot);
    return true;
  }

  /**
   * After the last entry is taken back, with all slots up to `applied` in a checkpoint, and the log from `floor` on.
   * Without their log, peers whose checkpoint is an earlier one would all need snapshots after a restart of everybody.
   * Gives the floor from which on the log is complete; what is below it is to be dropped. A checkpoint of a version that
   * did not keep to the rule above has nothing but its stored values.
   */
  recovered(applied: Slot, floor: Slot): Slot {
    const isKept = this.#keptTo === applied;
    for (let slot = applied; slot >= floor; slot--) {
      if (this.get(slot) !== undefined) continue;
      const vote = isKept ? this.#voteIn(slot) : undefined;
      if (vote === undefined) return slot + 1;
      this.add(slot, vote.value);
    }
    return floor;
  }

  /** What is to be stored when the slot is applied. */
  changesOnApply(slot: Slot): Change[] {
    return this.#storesAll ? this.#store(slot) : [];
  }

  /** What is to be stored with a checkpoint of all slots up to `applied`. */
  changesOnCheckpoint(applied: Slot): Change[] {
    if (this.#storesAll) return [];
    const changes: Change[] = [{ key: KEPT, value: applied }];
    for (const slot of this.#unproven) {
      if (slot > applied) continue;
      this.#unproven.delete(slot);
      changes.push(...this.#store(slot));
    }
    return changes;
  }

  /** Drops the slots below `floor`, and gives what is to be stored for that. */
  drop(floor: Slot): Change[] {
    return this.truncate(floor)
      .filter((slot) => this.#stored.delete(slot))
      .map((slot) => ({ key: slotKey(CHOSEN, slot), value: undefined }));
  }

  #isProven(slot: Slot, chosenBy: Ballot | undefined): boolean {
    if (chosenBy === undefined) return false;
    const vote = this.#voteIn(slot);
    return vote !== undefined && compareBallots(vote.ballot, chosenBy) >= 0;
  }

  #store(slot: Slot): Change[] {
    const value = this.get(slot);
    if (value === undefined) return [];
    this.#stored.add(slot);
    return [{ key: slotKey(CHOSEN, slot), value }];
  }
}
