import type { Random } from '../../../src/core/environment';
import type { WriteMethod } from './raw-client';

/** One write, and the answer that it gets if it takes effect once, after all earlier writes of its client. */
export interface Write {
  readonly method: WriteMethod;
  readonly params: {
    readonly key: string;
    readonly client: string;
    readonly sequence: number;
    readonly value?: string | null;
    readonly expect?: string | null;
  };
  readonly expected: Readonly<Record<string, unknown>>;
}

/**
 * What one client writes, and the entries that follow from it. No other client writes its keys, so all its answers
 * and the final entries are known. Made to show a write that takes effect twice, soon or late:
 * - a put of a new key, done again, finds it there; after its deletion it brings the key back;
 * - a delete, done again, finds nothing;
 * - a put of the register, done again later, brings an old value back;
 * - a switch from `off` to `on` or back, done again, finds it switched; later it switches when nobody asked for it.
 */
export class ClientModel {
  readonly name: string;
  /** The entries after all writes so far. */
  readonly entries = new Map<string, string>();
  readonly #random: Random;
  #sequence = 0;

  constructor(name: string, random: Random) {
    this.name = name;
    this.#random = random;
  }

  /** The next write. The entries take it as done: it has to be sent until it is acknowledged. */
  next(): Write {
    const choice = this.#random.float();
    if (choice < 0.5) return this.#putNew();
    if (choice < 0.7) return this.#delete() ?? this.#putNew();
    return choice < 0.85 ? this.#register() : this.#switch();
  }

  #putNew(): Write {
    const sequence = ++this.#sequence;
    const [key, value] = [`${this.name}/new/${sequence}`, `${this.name}.${sequence}`];
    this.entries.set(key, value);
    return {
      method: 'kv.put',
      params: { key, value, client: this.name, sequence },
      expected: { replaced: false },
    };
  }

  #delete(): Write | undefined {
    const candidates = [...this.entries.keys()].filter((key) => key.includes('/new/')).slice(-8);
    if (candidates.length === 0) return undefined;
    const key = candidates[this.#random.int(0, candidates.length - 1)] ?? '';
    this.entries.delete(key);
    return {
      method: 'kv.delete',
      params: { key, client: this.name, sequence: ++this.#sequence },
      expected: { deleted: true },
    };
  }

  #register(): Write {
    const sequence = ++this.#sequence;
    const [key, value] = [`${this.name}/register`, `${this.name}.${sequence}`];
    const replaced = this.entries.has(key);
    this.entries.set(key, value);
    return { method: 'kv.put', params: { key, value, client: this.name, sequence }, expected: { replaced } };
  }

  #switch(): Write {
    const key = `${this.name}/switch`;
    const expect = this.entries.get(key) ?? null;
    const value = expect === 'on' ? 'off' : 'on';
    this.entries.set(key, value);
    return {
      method: 'kv.compareAndSet',
      params: { key, expect, value, client: this.name, sequence: ++this.#sequence },
      expected: { swapped: true, actual: expect },
    };
  }
}
