/** Two 32-bit lanes of one entry's hash. */
type Lanes = readonly [number, number];

function finish(lane: number): number {
  let h = lane;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Key and value are told apart by the length of the key, which goes in first. */
function hashEntry(key: string, value: string): Lanes {
  let a = 0x811c9dc5 ^ key.length;
  let b = 0x9e3779b9 ^ key.length;
  for (const text of [key, value]) {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x01000193);
      b = Math.imul(b ^ unit, 0x5bd1e995);
      b ^= b >>> 15;
    }
  }
  return [finish(a), finish(b ^ a)];
}

/**
 * A digest of a set of entries that is kept up as entries come and go: the exclusive or of the entries' hashes.
 * It tells by accident different stores apart (64 bits); it is no defence against somebody who forges entries.
 */
export class Digest {
  #a = 0;
  #b = 0;

  /** Adds an entry, or takes it out again. */
  toggle(key: string, value: string): void {
    const [a, b] = hashEntry(key, value);
    this.#a = (this.#a ^ a) >>> 0;
    this.#b = (this.#b ^ b) >>> 0;
  }

  clear(): void {
    this.#a = 0;
    this.#b = 0;
  }

  /** 16 hexadecimal digits; all zero for no entries. */
  toString(): string {
    return this.#a.toString(16).padStart(8, '0') + this.#b.toString(16).padStart(8, '0');
  }
}
