import type { Random } from '../../core/environment';
import type { ReadLevel, Request, Response } from '../../history/history';

export interface Mixture {
  /** Begin of all keys. */
  readonly prefix: string;
  /** How many keys; the first ones are used more often than the last ones. */
  readonly keys: number;
  /** Share of reads among the requests, 0 to 1. */
  readonly reads: number;
  /** Each read asks for one of these. */
  readonly readLevels: readonly ReadLevel[];
}

const LIST_ENTRIES = 20;

/** The requests of one client in a mixed load: puts, gets, deletes, compareAndSets and now and then a list. */
export class MixedRequests {
  readonly #name: string;
  readonly #mixture: Mixture;
  readonly #random: Random;
  /** What this client saw last, so that some of its compareAndSets succeed. */
  readonly #seen = new Map<string, string | null>();
  #values = 0;

  /** No two clients may share a name: every value is written once, by one client. */
  constructor(name: string, mixture: Mixture, random: Random) {
    this.#name = name;
    this.#mixture = mixture;
    this.#random = random;
  }

  next(): Request {
    const { prefix, reads } = this.#mixture;
    const key = this.#key();
    if (this.#random.chance(reads)) {
      const read = this.#readLevel();
      return this.#random.chance(0.1)
        ? { op: 'list', prefix, limit: LIST_ENTRIES, read }
        : { op: 'get', key, read };
    }
    const choice = this.#random.float();
    if (choice < 0.5) return { op: 'put', key, value: this.#newValue() };
    if (choice < 0.7) return { op: 'delete', key };
    const value = this.#random.chance(0.1) ? null : this.#newValue();
    return { op: 'compareAndSet', key, expect: this.#seen.get(key) ?? null, value };
  }

  /** To be told of each answer. */
  saw(request: Request, response: Response): void {
    switch (request.op) {
      case 'get':
        this.#seen.set(request.key, response.value ?? null);
        break;
      case 'put':
        this.#seen.set(request.key, request.value);
        break;
      case 'delete':
        this.#seen.set(request.key, null);
        break;
      case 'compareAndSet':
        this.#seen.set(request.key, response.swapped === true ? request.value : (response.actual ?? null));
        break;
      case 'list':
        for (const { key, value } of response.entries ?? []) this.#seen.set(key, value);
    }
  }

  #key(): string {
    const { prefix, keys } = this.#mixture;
    return `${prefix}${Math.floor(keys * this.#random.float() ** 2)}`;
  }

  #readLevel(): ReadLevel {
    const { readLevels } = this.#mixture;
    return readLevels[this.#random.int(0, readLevels.length - 1)] ?? 'linearizable';
  }

  #newValue(): string {
    return `${this.#name}.${++this.#values}`;
  }
}
