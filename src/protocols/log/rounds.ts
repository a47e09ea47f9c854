import type { Storage } from '../../core/environment';
import type { Json } from '../../core/json';

const KEY = 'proposer/reserved-round';
const BLOCK = 1000;

/**
 * The rounds of this server's ballots: each is used once, ever, in whatever slot and incarnation. A ballot that
 * came back after a restart with another value could gather votes that were meant for the first one.
 * Rounds are reserved durably in blocks, so that most ballots cost no write of their own.
 */
export class Rounds {
  readonly #storage: Storage;
  #last = 0;
  #reserved = 0;
  #reservation: Promise<void> = Promise.resolve();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Takes back one stored entry. Entries of other roles are left alone. */
  recover(key: string, stored: Json): void {
    if (key !== KEY) return;
    this.#reserved = stored as number;
    this.#last = this.#reserved;
  }

  /** A round above `seen` and above every round that this server ever used, durably reserved. */
  async next(seen: number): Promise<number> {
    const round = Math.max(this.#last, seen) + 1;
    this.#last = round;
    if (round > this.#reserved) {
      this.#reserved = round + BLOCK;
      this.#reservation = this.#storage.write([{ key: KEY, value: this.#reserved }]);
    }
    await this.#reservation;
    return round;
  }
}
