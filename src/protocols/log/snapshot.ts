import type { Slot } from '../../core/ballot';
import type { Clock } from '../../core/environment';
import type { StateRecord } from '../../core/state-machine';
import type { SnapshotPiece } from './messages';

const IDLE_MS = 10_000;

/** A state as of one slot, handed out in pieces while the machine goes on. */
export class SnapshotOffer {
  readonly slot: Slot;
  readonly #records: readonly StateRecord[];

  readonly #clock: Clock;
  #usedAt: number;

  constructor(slot: Slot, records: readonly StateRecord[], clock: Clock) {
    this.slot = slot;
    this.#records = records;
    this.#clock = clock;
    this.#usedAt = clock.now();
  }

  /** Whether nobody has asked for a piece for so long that the copy is not worth its memory. */
  get isIdle(): boolean {
    return this.#clock.now() - this.#usedAt > IDLE_MS;
  }

  /** Records from position `from` on, at least one if there is one, until a limit is reached. */
  piece(from: number, records: number, characters: number): SnapshotPiece {
    this.#usedAt = this.#clock.now();
    const piece: [string, StateRecord[1]][] = [];
    let size = 0;
    let next = from;
    while (next < this.#records.length && piece.length < records && size < characters) {
      const record = this.#records[next];
      if (record === undefined) break;
      piece.push([record[0], record[1]]);
      size +=
        record[0].length +
        (typeof record[1] === 'string' ? record[1].length : JSON.stringify(record[1]).length);
      next++;
    }
    return { slot: this.slot, records: piece, next: next < this.#records.length ? next : null };
  }
}
