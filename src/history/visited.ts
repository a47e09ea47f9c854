import type { Meter } from './budget';

/** A set of small numbers. */
export class Bits {
  readonly words: Uint32Array;

  constructor(size: number) {
    this.words = new Uint32Array((size + 31) >>> 5);
  }

  has(bit: number): boolean {
    return (((this.words[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }

  toggle(bit: number): void {
    const word = bit >>> 5;
    this.words[word] = (this.words[word] ?? 0) ^ (1 << (bit & 31));
  }
}

/**
 * The configurations that a search has been in: state, completed operations taken, open operations taken. One that took
 * the same completed operations but fewer of the open ones can do all that the other can: what is open may be left out.
 */
export class Visited {
  /** By all but the open operations: the sets of those. */
  readonly #openTaken = new Map<string, Uint32Array[]>();
  readonly #meter: Meter;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  /**
   * False: was here before, or in a configuration that can do the same. Of `taken` all below `from` are in and all from
   * `to` on are out. A Map compares keys exactly, whatever their hashes.
   */
  add(state: number, mode: number, taken: Bits, from: number, to: number, open: Bits): boolean {
    const firstWord = from >>> 5;
    let key = String.fromCharCode(state >>> 16, state & 0xffff, mode, firstWord >>> 16, firstWord & 0xffff);
    for (let index = firstWord; index << 5 < to; index++) {
      const word = taken.words[index] ?? 0;
      key += String.fromCharCode(word >>> 16, word & 0xffff);
    }
    const before = this.#openTaken.get(key);
    if (before?.some((words) => isSubset(words, open.words)) === true) return false;
    this.#meter.spendConfiguration();
    const words = open.words.length === 0 ? open.words : open.words.slice();
    if (before === undefined) this.#openTaken.set(key, [words]);
    else before.push(words);
    return true;
  }
}

function isSubset(a: Uint32Array, b: Uint32Array): boolean {
  return a.every((word, index) => (word & ~(b[index] ?? 0)) === 0);
}
