import type { Change, Storage } from '../../core/environment';
import type { Json } from '../../core/json';
import type { StateRecord } from '../../core/state-machine';
import { endOfPiece, type PieceLimits } from './snapshot';

/** Where the applied slot is stored. */
export const APPLIED = 'learner/applied';
/** Which generation holds. Its key comes before those of the records. */
const GENERATION = 'learner/generation';
const STATE = 'learner/state';

/** Version 0.1 knew no generations: its records are those of number 0, where no other number is stored. */
function prefixOf(generation: number): string {
  return generation === 0 ? `${STATE}/` : `${STATE}-${generation}/`;
}

/**
 * The records of a state on disk. A whole state may be too large for one write, so it is written in pieces under keys of
 * a generation of its own, which nobody believes until one small write says that it holds. A crash before that leaves
 * the state that was there, a crash after it the new one, and in both cases records of a generation that does not hold,
 * which the next start deletes.
 */
export class StoredState {
  readonly #storage: Storage;
  readonly #limits: PieceLimits;
  #generation = 0;
  #prefix = prefixOf(0);
  /** Of all generations of which anything was ever seen: none gets a number that another one has left records under. */
  #highest = 0;
  readonly #records: StateRecord[] = [];
  readonly #leftovers: string[] = [];

  constructor(storage: Storage, limits: PieceLimits) {
    this.#storage = storage;
    this.#limits = limits;
  }

  /** Takes back one stored entry, in the order of the keys; false if it is none of a state. */
  recover(key: string, stored: Json): boolean {
    if (key === GENERATION) {
      this.switchTo(stored as number);
      return true;
    }
    if (!key.startsWith(STATE)) return false;
    if (key.startsWith(this.#prefix)) this.#records.push([key.slice(this.#prefix.length), stored]);
    else this.#leftovers.push(key);
    this.#highest = Math.max(this.#highest, generationOf(key));
    return true;
  }

  /** The records of the generation that holds, once: they are not kept. */
  takeRecords(): StateRecord[] {
    return this.#records.splice(0);
  }

  /** What is to be stored for these changes of the state. */
  changes(changes: readonly Change[]): Change[] {
    return changes.map(({ key, value }) => ({ key: this.#prefix + key, value }));
  }

  /**
   * Writes a whole state under a new generation, and gives its number once all of it is durable. Other writes, and the
   * event loop, get their turn after each piece.
   */
  async write(records: readonly StateRecord[], onPiece: () => void = () => undefined): Promise<number> {
    const generation = ++this.#highest;
    const prefix = prefixOf(generation);
    for (let from = 0; from < records.length;) {
      const end = endOfPiece(records, from, this.#limits);
      await this.#storage.write(
        records.slice(from, end).map(([key, value]) => ({ key: prefix + key, value })),
      );
      onPiece();
      from = end;
    }
    return generation;
  }

  /** From now on changes are those of this generation. Gives the change that says so. */
  switchTo(generation: number): Change {
    this.#generation = generation;
    this.#prefix = prefixOf(generation);
    this.#highest = Math.max(this.#highest, generation);
    return { key: GENERATION, value: generation };
  }

  /** The generation that holds. */
  get generation(): number {
    return this.#generation;
  }

  /** Deletes records, with these keys or some of them, of a generation that does not hold. */
  async delete(generation: number, keys: readonly string[]): Promise<void> {
    const prefix = prefixOf(generation);
    await this.#deleteAll(keys.map((key) => prefix + key));
  }

  /** Deletes what generations that do not hold have left behind. */
  async deleteLeftovers(): Promise<void> {
    await this.#deleteAll(this.#leftovers.splice(0));
  }

  async #deleteAll(keys: readonly string[]): Promise<void> {
    const { pieceSlots } = this.#limits;
    for (let from = 0; from < keys.length; from += pieceSlots)
      await this.#storage.write(
        keys.slice(from, from + pieceSlots).map((key) => ({ key, value: undefined })),
      );
  }
}

function generationOf(key: string): number {
  return Number(key.slice(STATE.length + 1, key.indexOf('/', STATE.length)));
}

/** Whether a state was ever stored: not if a crash cut the first start short, with some of its records written. */
export function holdsState(storage: Storage): boolean {
  for (const [key] of storage.read(APPLIED)) if (key === APPLIED) return true;
  return false;
}
