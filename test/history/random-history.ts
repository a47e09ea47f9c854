import type { Random } from '../../src/core/environment';
import type { History, HistoryEvent, Request, Response } from '../../src/history/history';
import { historyOf } from '../../src/history/json-lines';

export interface Kind {
  readonly operations: number;
  readonly clients: number;
  readonly keys: readonly string[];
  readonly values: readonly string[];
  readonly initial: History['initial'];
  /** Probabilities. */
  readonly unknown: number;
  readonly localReads: number;
  /** That one answer of the history is changed at random. */
  readonly lie: number;
  /** Of each field of an answer, to be left out. */
  readonly missing: number;
}

interface Running {
  readonly id: number;
  readonly request: Request;
  readonly server: string;
  response?: Response;
}

/**
 * Simulates a store of single keys: each operation takes effect at a moment between its begin and its end, an unknown
 * one at any later moment or never. Local reads show one of the states that their server may be in.
 */
export function randomHistory(random: Random, kind: Kind): History {
  const store = new RandomStore(random, kind);
  const events: HistoryEvent[] = [];
  const running: Running[] = [];
  const lost: Running[] = [];
  for (let id = 1; id <= kind.operations || running.length > 0;) {
    const isFull = running.length >= kind.clients || id > kind.operations;
    if (!isFull && random.chance(0.5)) {
      const one = { id: id++, request: store.request(), server: `s${random.int(1, 2)}` };
      running.push(one);
      events.push({ type: 'invoke', id: one.id, client: `c${one.id}`, ...one.request });
      continue;
    }
    const late = lost.length > 0 && random.chance(0.3) ? random.int(0, lost.length - 1) : -1;
    if (late >= 0) store.perform(lost.splice(late, 1)[0]!);
    const one = running[random.int(0, running.length - 1)];
    if (one === undefined) continue;
    if (one.response === undefined && random.chance(kind.unknown)) {
      running.splice(running.indexOf(one), 1);
      if (random.chance(0.2)) events.push({ type: 'fail', id: one.id });
      else {
        if (random.chance(0.5)) events.push({ type: 'unknown', id: one.id });
        lost.push(one);
      }
    } else if (one.response === undefined) {
      one.response = store.perform(one);
    } else {
      running.splice(running.indexOf(one), 1);
      events.push({ type: 'ok', id: one.id, server: one.server, ...store.leaveOut(one.response) });
    }
  }
  if (random.chance(kind.lie)) store.lie(events);
  return historyOf(events, kind.initial);
}

class RandomStore {
  readonly #random: Random;
  readonly #kind: Kind;
  readonly #states = new Map<string, (string | null)[]>();
  readonly #shown = new Map<string, number>();

  constructor(random: Random, kind: Kind) {
    this.#random = random;
    this.#kind = kind;
    for (const key of kind.keys)
      this.#states.set(key, [kind.initial === 'absent' || random.chance(0.5) ? null : this.#value()]);
  }

  request(): Request {
    const key = this.#one(this.#kind.keys);
    const dice = this.#random.float();
    const read = this.#random.chance(this.#kind.localReads) ? 'local' : 'linearizable';
    if (dice < 0.4) return { op: 'get', key, read };
    if (dice < 0.65) return { op: 'put', key, value: this.#value() };
    if (dice < 0.75) return { op: 'delete', key };
    return { op: 'compareAndSet', key, expect: this.#orNull(), value: this.#orNull() };
  }

  perform({ request, server }: Running): Response {
    if (request.op === 'list') return {};
    const states = this.#states.get(request.key)!;
    const held = states.at(-1) ?? null;
    switch (request.op) {
      case 'get': {
        if (request.read === 'linearizable') return { value: held };
        const index = this.#random.int(this.#shown.get(server + request.key) ?? 0, states.length - 1);
        this.#shown.set(server + request.key, index);
        return { value: states[index]! };
      }
      case 'put':
        states.push(request.value);
        return { replaced: held !== null };
      case 'delete':
        states.push(null);
        return { deleted: held !== null };
      case 'compareAndSet': {
        const swapped = held === request.expect;
        if (swapped) states.push(request.value);
        return { swapped, actual: held };
      }
    }
  }

  leaveOut(response: Response): Response {
    return Object.fromEntries(
      Object.entries(response).filter(() => !this.#random.chance(this.#kind.missing)),
    );
  }

  lie(events: HistoryEvent[]): void {
    const ends = [...events.entries()].filter(([, { type }]) => type === 'ok');
    const [index, event] = ends[this.#random.int(0, ends.length - 1)] ?? [];
    if (index === undefined || event?.type !== 'ok') return;
    const changed = { ...event } as { -readonly [K in keyof typeof event]: (typeof event)[K] };
    if (changed.value !== undefined) changed.value = this.#orNull();
    if (changed.actual !== undefined) changed.actual = this.#orNull();
    if (changed.swapped !== undefined) changed.swapped = this.#random.chance(0.5);
    if (changed.replaced !== undefined) changed.replaced = !changed.replaced;
    if (changed.deleted !== undefined) changed.deleted = !changed.deleted;
    events[index] = changed;
  }

  #value(): string {
    return this.#one(this.#kind.values);
  }

  #orNull(): string | null {
    return this.#random.chance(0.25) ? null : this.#value();
  }

  #one<T>(all: readonly T[]): T {
    return all[this.#random.int(0, all.length - 1)]!;
  }
}
