import type { Random } from './environment';

const UINT32 = 2 ** 32;

/** Spreads the bits of a 32-bit word (the finaliser of MurmurHash3). */
function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * A seeded generator: sfc32 (Doty-Humphrey, PractRand). Good for simulation and back-off, not for secrets.
 * The same seed and the same calls give the same numbers everywhere.
 */
export class SeededRandom implements Random {
  readonly #seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#a = mix(this.#seed);
    this.#b = mix(this.#a + 1);
    this.#c = mix(this.#b + 1);
    for (let warmUp = 0; warmUp < 12; warmUp++) this.#next();
  }

  float(): number {
    return this.#next() / UINT32;
  }

  int(min: number, max: number): number {
    return min + Math.floor(this.float() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  fork(label: string): Random {
    // The length sets a fork of a fork apart from the fork with the joined label.
    let seed = mix(this.#seed + label.length + 1);
    for (let i = 0; i < label.length; i++) seed = mix(Math.imul(seed, 31) + label.charCodeAt(i));
    return new SeededRandom(seed);
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }
}
