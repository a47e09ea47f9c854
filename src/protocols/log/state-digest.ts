import type { StateRecord } from '../../core/state-machine';

/** Spreads the bits of a 32-bit word (the finaliser of MurmurHash3). */
function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * A digest of records one after the other: other records, one record less, or another order give another digest, but
 * for an accident of 2^-64. It is no defence against somebody who forges records.
 */
export class StateDigest {
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;

  add([key, value]: StateRecord): void {
    this.#addText(key);
    // A text is told from another value that is written like it.
    if (typeof value === 'string') this.#addText(value);
    else {
      this.#addText(JSON.stringify(value));
      this.#addUnit(0x10000);
    }
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    const [a, b] = [mix(this.#a), mix(this.#b ^ this.#a)];
    return a.toString(16).padStart(8, '0') + b.toString(16).padStart(8, '0');
  }

  /** The length goes in first: it tells where a text ends and the next one begins. */
  #addText(text: string): void {
    this.#addUnit(text.length);
    let [a, b] = [this.#a, this.#b];
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x01000193);
      b = Math.imul(b ^ unit, 0x5bd1e995);
      b ^= b >>> 15;
    }
    this.#a = a;
    this.#b = b;
  }

  #addUnit(unit: number): void {
    this.#a = Math.imul(this.#a ^ unit, 0x01000193);
    this.#b = Math.imul(this.#b ^ unit, 0x5bd1e995);
    this.#b ^= this.#b >>> 15;
  }
}
