import type { Random } from '../core/environment';
import type { Operation } from './system';
import { Zipf } from './zipf';

export type Distribution = 'uniform' | 'zipf' | 'hot';

export interface WorkloadOptions {
  readonly keys: number;
  readonly distribution: Distribution;
  /** Share of reads, 0 to 1. */
  readonly reads: number;
}

export function keyName(index: number): string {
  return `bench-${index}`;
}

/** An endless sequence of operations. */
export class Workload {
  readonly #reads: number;
  readonly #random: Random;
  readonly #nextIndex: () => number;

  constructor({ keys, distribution, reads }: WorkloadOptions, random: Random) {
    this.#reads = reads;
    this.#random = random;
    this.#nextIndex = indices(distribution, keys, random);
  }

  next(): Operation {
    const isRead = this.#reads > 0 && this.#random.chance(this.#reads);
    return { kind: isRead ? 'get' : 'put', key: keyName(this.#nextIndex()) };
  }
}

function indices(distribution: Distribution, keys: number, random: Random): () => number {
  switch (distribution) {
    case 'uniform':
      return () => random.int(0, keys - 1);
    case 'zipf': {
      const zipf = new Zipf(keys);
      return () => zipf.rank(random.float());
    }
    case 'hot':
      return () => 0;
  }
}
