import type { Slot } from '../../core/ballot';
import type { Change } from '../../core/environment';
import type { Json } from '../../core/json';
import { slotKey, slotOfKey } from '../../core/keys';
import { Log, type LogLimits } from './log';
import type { Value } from './messages';

const CHOSEN = 'learner/chosen/';

/**
 * A log that is there again after a restart. Either all its values are stored, or only those that the own acceptor's
 * votes do not show, since the votes are stored anyway.
 */
export class StoredLog extends Log {
  readonly #storesAll: boolean;
  readonly #stored = new Set<Slot>();
  #voteIn: (slot: Slot) => Value | undefined = () => undefined;

  constructor(limits: LogLimits, storesAll: boolean) {
    super(limits);
    this.#storesAll = storesAll;
  }

  /** Counts on it that a vote is stored as soon as it is cast, until the slot is dropped. */
  onVotes(voteIn: (slot: Slot) => Value | undefined): void {
    this.#voteIn = voteIn;
  }

  /** Takes back one stored entry; false if it is none of a log. */
  recover(key: string, stored: Json): boolean {
    const slot = slotOfKey(CHOSEN, key);
    if (slot === undefined) return false;
    this.add(slot, stored as unknown as Value);
    this.#stored.add(slot);
    return true;
  }

  /**
   * After the last entry is taken back, with all slots up to `applied` in a checkpoint. Without their log, peers whose
   * checkpoint is an earlier one would all need snapshots after a restart of everybody. A vote is the chosen value
   * wherever the checkpoint stored no other one; a later ballot may have renewed it, with the same value
   * [Paxos Made Simple, P2b].
   */
  recovered(applied: Slot): void {
    for (let slot = applied; slot >= this.floor; slot--) {
      if (this.get(slot) !== undefined) continue;
      const value = this.#voteIn(slot);
      if (value === undefined) {
        this.truncate(slot + 1);
        return;
      }
      this.add(slot, value);
    }
  }

  /** What is to be stored when the slot is applied. */
  changesOnApply(slot: Slot): Change[] {
    return this.#storesAll ? this.#store(slot) : [];
  }

  /** What is to be stored with a checkpoint, for the slots since the last one. */
  changesOnCheckpoint(from: Slot, to: Slot): Change[] {
    const changes: Change[] = [];
    for (let slot = from; slot <= to && !this.#storesAll; slot++)
      if (this.#voteIn(slot)?.id !== this.get(slot)?.id) changes.push(...this.#store(slot));
    return changes;
  }

  /** Drops the slots below `floor`, and gives what is to be stored for that. */
  drop(floor: Slot): Change[] {
    return this.truncate(floor)
      .filter((slot) => this.#stored.delete(slot))
      .map((slot) => ({ key: slotKey(CHOSEN, slot), value: undefined }));
  }

  #store(slot: Slot): Change[] {
    const value = this.get(slot);
    if (value === undefined) return [];
    this.#stored.add(slot);
    return [{ key: slotKey(CHOSEN, slot), value }];
  }
}
