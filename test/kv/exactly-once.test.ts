import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Json } from '../../src/core/json';
import type { Session, Write } from '../../src/kv/commands';
import { WINDOW } from '../../src/kv/sessions';
import { KeyValueStore } from '../../src/kv/store';

const LIMITS = { clients: 3, characters: 2000, resultCharacters: 20 };
const CLIENTS = ['a', 'b', 'c', '__proto__', 'session/1/a'];

/** A write as its client sent it, and may send it again: to the end of days. */
interface Sent {
  readonly write: Write & { readonly session: Session };
  /** How often it was carried out, by what the store shows. */
  done: number;
  first: unknown;
}

/** Remembers everything for ever, and looks at nothing but what the store shows. */
class World {
  store = new KeyValueStore([], LIMITS);
  readonly other = new KeyValueStore([], LIMITS);
  readonly #records = new Map<string, Json>();
  readonly sent: Sent[] = [];
  readonly #clients = new Map<string, { epoch: number; next: number }>();
  #slot = 0;

  /** A new write. `anew`: as by a client that was just started, which knows the epoch of now. */
  begin(client: string, op: 'put' | 'compareAndSet', size: number, anew: boolean, skip: number): Sent {
    const { epoch } = this.store.sessions;
    const before = this.#clients.get(client);
    const now = before === undefined || anew ? { epoch, next: before?.next ?? 1 } : before;
    const sequence = now.next + skip;
    this.#clients.set(client, { ...now, next: sequence + 1 });
    const session = { client, sequence, ...(now.epoch > 0 && { epoch: now.epoch }) };
    // Of its own, so that the store shows whether it was carried out.
    const key = `${client}#${sequence}#${'x'.repeat(size)}`;
    const write: Sent['write'] =
      op === 'put'
        ? { op, key, value: key, session }
        : { op, key: 'shared', expect: 'nobody writes this', value: 'wrong', session };
    const sent = { write, done: 0, first: undefined };
    this.sent.push(sent);
    return sent;
  }

  /** Gives whether it was refused. */
  deliver(sent: Sent): boolean {
    const { write } = sent;
    this.store.apply({ op: 'delete', key: write.key, session: null }, ++this.#slot);
    this.other.apply({ op: 'delete', key: write.key, session: null }, this.#slot);
    // A compare-and-set that fails with a result too large to be kept.
    if (write.op === 'compareAndSet') this.#shared(write);
    const isKnown = this.store.find(write.session, write) !== undefined;
    const result = this.store.apply(write, ++this.#slot);
    expect(this.other.apply(write, this.#slot)).toEqual(result);
    const took =
      write.op === 'put'
        ? this.store.get(write.key) !== undefined
        : 'slot' in result && result.slot === this.#slot;
    expect(took).toBe(!isKnown);
    if (took) sent.done++;
    expect(sent.done).toBeLessThanOrEqual(1);
    if (result.op === 'stale') return true;
    sent.first ??= result;
    expect(result).toEqual(sent.first);
    return false;
  }

  forget(epoch: number): void {
    const command = { op: 'forget', epoch, session: null } as const;
    const result = this.store.apply(command, ++this.#slot);
    expect(this.other.apply(command, this.#slot)).toEqual(result);
  }

  /** From the records of its disk, or from a snapshot of the store that never restarts. */
  restart(fromSnapshot: boolean): void {
    for (const { key, value } of this.store.takeChanges()) {
      if (value === undefined) this.#records.delete(key);
      else this.#records.set(key, value);
    }
    expect(this.#records).toEqual(new Map(this.other.snapshot()));
    const records = fromSnapshot ? this.other.snapshot() : [...this.#records];
    this.store = new KeyValueStore([], LIMITS);
    this.store.restore(JSON.parse(JSON.stringify(records)) as [string, Json][]);
    const seen = ({ sessions }: KeyValueStore): unknown[] => [sessions.epoch, sessions.size, sessions.isFull];
    expect(seen(this.store)).toEqual(seen(this.other));
  }

  #shared(write: Write): void {
    const value = 'y'.repeat(write.key.length);
    const command = { op: 'put', key: 'shared', value: value.repeat(5), session: null } as const;
    this.store.apply(command, ++this.#slot);
    this.other.apply(command, this.#slot);
  }
}

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      client: fc.constantFrom(...CLIENTS),
      op: fc.constantFrom('put' as const, 'compareAndSet' as const),
      size: fc.integer({ min: 0, max: 40 }),
      anew: fc.boolean(),
      skip: fc.constantFrom(0, 0, 0, 1, WINDOW - 1, WINDOW),
      deliveries: fc.integer({ min: 0, max: 2 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('repeat' as const), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('forget' as const), behind: fc.constantFrom(0, 0, 0, 1, -1) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), fromSnapshot: fc.boolean() }) },
);

test('no write takes effect twice, and every first write of a client that begins now is taken', () => {
  const seen = { twice: 0, forgets: 0, stale: 0 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const world = new World();
      for (const one of steps) {
        if (one.kind === 'write') {
          const isFirst = !world.sent.some(({ write }) => write.session.client === one.client);
          const sent = world.begin(one.client, one.op, one.size, one.anew, one.skip);
          for (let each = 0; each < one.deliveries; each++) world.deliver(sent);
          if ((isFirst || one.anew) && one.deliveries > 0) expect(sent.done).toBe(1);
        } else if (one.kind === 'repeat') {
          const sent = world.sent[one.which % Math.max(1, world.sent.length)];
          if (sent === undefined) continue;
          seen.twice += sent.done;
          if (world.deliver(sent)) seen.stale++;
        } else if (one.kind === 'forget') {
          const { epoch } = world.store.sessions;
          world.forget(epoch - one.behind);
          expect(world.store.sessions.epoch).toBe(one.behind === 0 ? epoch + 1 : epoch);
          seen.forgets++;
        } else world.restart(one.fromSnapshot);
      }
    }),
    { numRuns: 500 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(50);
});
