import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Result, Session } from '../../src/kv/commands';
import { Sessions, WINDOW, type SessionLimits } from '../../src/kv/sessions';
import { KeyValueStore } from '../../src/kv/store';

const put = (slot: number): Result => ({ op: 'put', replaced: false, slot });
const swapped = (slot: number, actual: string): Result => ({
  op: 'compareAndSet',
  swapped: true,
  actual,
  slot,
});

/** Remembers a new write unless it is known, as the store does. */
function write(sessions: Sessions, session: Session, result: Result): Result {
  const known = sessions.find(session, result.slot);
  if (known === undefined) sessions.remember(session, result);
  return known ?? result;
}

function restoredFrom(sessions: Sessions, limits?: SessionLimits): Sessions {
  const copy = new Sessions(limits);
  // In key order, as a store on disk gives its records back.
  const records = [...sessions.snapshot()].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, value] of records) expect(copy.restore(key, value)).toBe(true);
  copy.restored();
  return copy;
}

describe('a write that is chosen again', () => {
  test('has its first result and changes nothing', () => {
    const store = new KeyValueStore();
    const session = { client: 'c', sequence: 1 };
    const first = store.apply({ op: 'put', key: 'a', value: '1', session }, 1);
    expect(first).toEqual({ op: 'put', replaced: false, slot: 1 });
    store.apply({ op: 'put', key: 'a', value: '2', session: null }, 2);
    store.takeChanges();
    const digest = store.digest;
    expect(store.apply({ op: 'put', key: 'a', value: '1', session }, 3)).toEqual(first);
    // The pair is what counts, whatever else the command says.
    expect(store.apply({ op: 'delete', key: 'a', session }, 4)).toEqual(first);
    expect([store.get('a'), store.digest, store.takeChanges()]).toEqual(['2', digest, []]);
  });

  test('a failed compare-and-set stays failed', () => {
    const store = new KeyValueStore();
    const command = {
      op: 'compareAndSet',
      key: 'a',
      expect: '1',
      value: '2',
      session: { client: 'c', sequence: 1 },
    } as const;
    const first = store.apply(command, 1);
    expect(first).toMatchObject({ swapped: false, actual: null });
    store.apply({ op: 'put', key: 'a', value: '1', session: null }, 2);
    expect(store.apply(command, 3)).toEqual(first);
    expect(store.get('a')).toBe('1');
  });

  test('clients and sequences are told apart', () => {
    const sessions = new Sessions();
    for (const client of ['a', 'a/1', '/', '__proto__', '1/a', ' ', '\0']) {
      for (const sequence of [1, 2, 11, Number.MAX_SAFE_INTEGER])
        expect(write(sessions, { client, sequence }, put(sequence))).toEqual(put(sequence));
    }
    const copy = restoredFrom(sessions);
    for (const client of ['a', 'a/1', '/', '__proto__', '1/a', ' ', '\0'])
      expect(copy.find({ client, sequence: Number.MAX_SAFE_INTEGER }, 0)).toEqual(
        put(Number.MAX_SAFE_INTEGER),
      );
  });
});

describe('the window', () => {
  test('keeps the last results of a client, in any order of arrival', () => {
    const sessions = new Sessions();
    for (const sequence of [WINDOW, 1, 2]) write(sessions, { client: 'c', sequence }, put(sequence));
    for (const sequence of [1, 2, WINDOW])
      expect(sessions.find({ client: 'c', sequence }, 999)).toEqual(put(sequence));
    expect(sessions.find({ client: 'c', sequence: 3 }, 999)).toBeUndefined();
  });

  test('what lies before it is stale, whether it was ever seen or not', () => {
    const sessions = new Sessions();
    write(sessions, { client: 'c', sequence: 2 }, put(1));
    write(sessions, { client: 'c', sequence: WINDOW + 2 }, put(2));
    for (const sequence of [1, 2])
      expect(sessions.find({ client: 'c', sequence }, 7)).toEqual({ op: 'stale', slot: 7 });
    expect(sessions.find({ client: 'c', sequence: 3 }, 7)).toBeUndefined();
    expect(sessions.snapshot()).toHaveLength(1);
  });

  test('a stale write changes nothing', () => {
    const store = new KeyValueStore();
    store.apply({ op: 'put', key: 'a', value: '1', session: { client: 'c', sequence: 100 } }, 1);
    store.takeChanges();
    expect(
      store.apply({ op: 'put', key: 'a', value: '2', session: { client: 'c', sequence: 36 } }, 2),
    ).toEqual({
      op: 'stale',
      slot: 2,
    });
    expect([store.get('a'), store.takeChanges()]).toEqual(['1', []]);
  });
});

describe('limits', () => {
  test('the client whose last write is oldest is forgotten first', () => {
    const sessions = new Sessions({ clients: 2, characters: 1e9 });
    write(sessions, { client: 'a', sequence: 1 }, put(1));
    write(sessions, { client: 'b', sequence: 1 }, put(2));
    write(sessions, { client: 'a', sequence: 2 }, put(3));
    // Asking again is no new write.
    write(sessions, { client: 'b', sequence: 1 }, put(4));
    write(sessions, { client: 'c', sequence: 1 }, put(5));
    expect(sessions.find({ client: 'b', sequence: 1 }, 9)).toBeUndefined();
    expect(sessions.find({ client: 'a', sequence: 1 }, 9)).toEqual(put(1));
    expect(sessions.find({ client: 'c', sequence: 1 }, 9)).toEqual(put(5));
  });

  test('results that are kept have a limit in characters', () => {
    const sessions = new Sessions({ clients: 1000, characters: 10_000 });
    for (let i = 1; i <= 50; i++)
      write(sessions, { client: `c${i}`, sequence: 1 }, swapped(i, 'x'.repeat(1000)));
    const kept = sessions.snapshot().length;
    expect(kept).toBe(9);
    expect(sessions.find({ client: 'c50', sequence: 1 }, 99)).toEqual(swapped(50, 'x'.repeat(1000)));
    expect(sessions.find({ client: 'c41', sequence: 1 }, 99)).toBeUndefined();
  });

  test('the newest client stays, however much it holds', () => {
    const sessions = new Sessions({ clients: 1, characters: 10 });
    write(sessions, { client: 'a', sequence: 1 }, swapped(1, 'x'.repeat(1000)));
    expect(sessions.find({ client: 'a', sequence: 1 }, 9)).toBeDefined();
  });

  test('who is forgotten depends on the log alone: equal with and without restores in between', () => {
    const limits = { clients: 4, characters: 900 };
    const step = fc.record({
      client: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', '__proto__'),
      sequence: fc.integer({ min: 1, max: WINDOW * 2 }),
      size: fc.integer({ min: 0, max: 200 }),
      restore: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const steady = new Sessions(limits);
        let restored = new Sessions(limits);
        const records = new Map<string, unknown>();
        steps.forEach(({ client, sequence, size, restore }, slot) => {
          const session = { client, sequence };
          const result = swapped(slot + 1, 'x'.repeat(size));
          expect(write(restored, session, result)).toEqual(write(steady, session, result));
          for (const { key, value } of steady.takeChanges()) {
            if (value === undefined) records.delete(key);
            else records.set(key, value);
          }
          if (restore) restored = restoredFrom(restored, limits);
          expect(restored.snapshot()).toEqual(steady.snapshot());
          expect(records).toEqual(new Map(steady.snapshot()));
        });
      }),
      { numRuns: 300 },
    );
  });
});
