import { describe, expect, test } from '@jest/globals';
import type { Session, Write, WriteResult } from '../../src/kv/commands';
import { SESSION_LIMITS, Sessions, WINDOW, type SessionLimits } from '../../src/kv/sessions';
import { KeyValueStore } from '../../src/kv/store';

const LIMITS = { clients: 2, characters: 1e9, resultCharacters: 100 };
const STALE_SEQUENCE = { op: 'stale', because: 'sequence' };
const STALE_EPOCH = { op: 'stale', because: 'epoch' };

const put = (slot: number): WriteResult => ({ op: 'put', replaced: false, slot });
const refused = (slot: number, actual: string): WriteResult => ({
  op: 'compareAndSet',
  swapped: false,
  actual,
  slot,
});

function find(sessions: Sessions, session: Session): ReturnType<Sessions['find']> {
  return sessions.find(session, { op: 'put', key: 'k', value: 'v', session });
}

/** Remembers a new write unless it is known, as the store does. */
function write(sessions: Sessions, session: Session, result: WriteResult): ReturnType<Sessions['find']> {
  const known = find(sessions, session);
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

/** A store whose epoch has been ended so often. */
function storeInEpoch(epoch: number): KeyValueStore {
  const store = new KeyValueStore();
  for (let ended = 0; ended < epoch; ended++) forget(store);
  return store;
}

function forget(store: KeyValueStore): void {
  store.apply({ op: 'forget', epoch: store.sessions.epoch, session: null }, 0);
}

function putOf(client: string, sequence: number, value: string, epoch?: number): Write {
  const session = { client, sequence, ...(epoch !== undefined && { epoch }) };
  return { op: 'put', key: 'x', value, session };
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
    // Which write it is is what counts, whatever else the command says.
    expect(store.apply({ op: 'delete', key: 'a', session }, 4)).toEqual(first);
    expect([store.get('a'), store.digest, store.takeChanges()]).toEqual(['2', digest, []]);
  });

  test.each(['1', null])(
    'a compare-and-set keeps its outcome and what it found, expecting %j',
    (expected) => {
      for (const value of ['2', null]) {
        const store = new KeyValueStore(expected === null ? [] : [['a', expected]]);
        const session = { client: 'c', sequence: 1 };
        const command = { op: 'compareAndSet', key: 'a', expect: expected, value, session } as const;
        const first = store.apply(command, 1);
        expect(first).toEqual({ op: 'compareAndSet', swapped: true, actual: expected, slot: 1 });
        store.apply({ op: 'put', key: 'a', value: 'other', session: null }, 2);
        expect(store.apply(command, 3)).toEqual(first);
        expect(store.get('a')).toBe('other');
      }
    },
  );

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
      expect(find(copy, { client, sequence: Number.MAX_SAFE_INTEGER })).toEqual(put(Number.MAX_SAFE_INTEGER));
  });
});

describe('the window', () => {
  test('keeps the last results of a client, in any order of arrival', () => {
    const sessions = new Sessions();
    for (const sequence of [WINDOW, 1, 2]) write(sessions, { client: 'c', sequence }, put(sequence));
    for (const sequence of [1, 2, WINDOW])
      expect(find(sessions, { client: 'c', sequence })).toEqual(put(sequence));
    expect(find(sessions, { client: 'c', sequence: 3 })).toBeUndefined();
  });

  test('what lies before it is stale, whether it was ever seen or not', () => {
    const sessions = new Sessions();
    write(sessions, { client: 'c', sequence: 2 }, put(1));
    write(sessions, { client: 'c', sequence: WINDOW + 2 }, put(2));
    for (const sequence of [1, 2])
      expect(find(sessions, { client: 'c', sequence })).toMatchObject(STALE_SEQUENCE);
    expect(find(sessions, { client: 'c', sequence: 3 })).toBeUndefined();
    expect(sessions.snapshot()).toHaveLength(1);
  });

  test('a stale write changes nothing', () => {
    const store = new KeyValueStore();
    store.apply({ op: 'put', key: 'a', value: '1', session: { client: 'c', sequence: 100 } }, 1);
    store.takeChanges();
    expect(
      store.apply({ op: 'put', key: 'a', value: '2', session: { client: 'c', sequence: 36 } }, 2),
    ).toEqual({ ...STALE_SEQUENCE, epoch: 0 });
    expect([store.get('a'), store.takeChanges()]).toEqual(['1', []]);
  });
});

describe('a client that is forgotten', () => {
  test('its write, left behind at a server that slept, does not take effect again', () => {
    const store = new KeyValueStore();
    store.apply(putOf('ada', 1, '1'), 1);
    store.apply(putOf('bob', 1, '2'), 2);
    forget(store);
    forget(store);
    store.takeChanges();
    const snapshot = store.snapshot();
    expect(store.apply(putOf('ada', 1, '1'), 5)).toEqual({ ...STALE_EPOCH, epoch: 2 });
    expect([store.get('x'), store.takeChanges(), store.snapshot()]).toEqual(['2', [], snapshot]);
  });

  test('is remembered until the epoch after that of its last write has ended', () => {
    const store = new KeyValueStore();
    const first = store.apply(putOf('ada', 1, '1'), 1);
    forget(store);
    expect(store.apply(putOf('ada', 1, '1'), 2)).toEqual(first);
    // A repeated write keeps nobody in mind, a new one does.
    store.apply(putOf('bob', 1, '2'), 3);
    forget(store);
    expect(store.find({ client: 'ada', sequence: 1 }, putOf('ada', 1, '1'))).toMatchObject(STALE_EPOCH);
    expect(store.apply(putOf('bob', 1, '2'), 5)).toMatchObject({ op: 'put' });
    expect(store.apply(putOf('bob', 2, '3'), 6)).toMatchObject({ op: 'put' });
    forget(store);
    expect(store.apply(putOf('bob', 2, '3'), 7)).toMatchObject({ op: 'put', slot: 6 });
    expect(store.apply(putOf('bob', 3, '4'), 8)).toMatchObject({ op: 'put', slot: 8 });
  });

  test('may begin anew under its name, and its old writes stay refused', () => {
    const store = storeInEpoch(0);
    store.apply(putOf('ada', 1, 'old'), 1);
    forget(store);
    forget(store);
    expect(store.apply(putOf('ada', 1, 'new', 2), 2)).toMatchObject({ op: 'put', slot: 2 });
    expect(store.apply(putOf('ada', 1, 'old'), 3)).toEqual({ ...STALE_EPOCH, epoch: 2 });
    expect(store.apply(putOf('ada', 1, 'new', 2), 4)).toMatchObject({ op: 'put', slot: 2 });
    expect(store.get('x')).toBe('new');
  });

  test.each([0, 1, 2, 3, 9])('a new client may begin with epoch %i only in that and the next', (named) => {
    for (const epoch of [0, 1, 2, 3, 4, 9, 10, 11]) {
      const result = storeInEpoch(epoch).apply(putOf('new', 1, '1', named), 1);
      expect(result).toMatchObject(epoch === named || epoch === named + 1 ? { op: 'put' } : STALE_EPOCH);
    }
  });

  test('an epoch ends once, however often that is chosen', () => {
    const store = new KeyValueStore();
    store.apply(putOf('ada', 1, '1'), 1);
    const command = { op: 'forget', epoch: 0, session: null } as const;
    expect(store.apply(command, 2)).toEqual({ op: 'forget', epoch: 1 });
    expect(store.apply(command, 3)).toEqual({ op: 'forget', epoch: 1 });
    expect(store.apply({ ...command, epoch: 7 }, 4)).toEqual({ op: 'forget', epoch: 1 });
    expect(store.apply(putOf('ada', 1, '1'), 5)).toMatchObject({ op: 'put', slot: 1 });
  });
});

describe('limits', () => {
  test('are generous as shipped', () => {
    expect(SESSION_LIMITS).toEqual({ clients: 20_000, characters: 64 * 1024 * 1024, resultCharacters: 1024 });
  });

  test('so many clients that write in an epoch fill the table; at twice as many it has no room for new ones', () => {
    let sessions = new Sessions(LIMITS);
    const seen: unknown[] = [];
    for (const client of ['a', 'a', 'b', 'c', 'd', 'e']) {
      seen.push([sessions.isFull, sessions.hasRoomFor('new'), sessions.size]);
      write(sessions, { client, sequence: sessions.size + 1 }, put(1));
      sessions = restoredFrom(sessions, LIMITS);
    }
    expect(seen).toEqual([
      [false, true, 0],
      [false, true, 1],
      [false, true, 1],
      [true, true, 2],
      [true, true, 3],
      [true, false, 4],
    ]);
    expect(sessions.hasRoomFor('a')).toBe(true);
    sessions.forget(0);
    sessions = restoredFrom(sessions, LIMITS);
    expect([sessions.isFull, sessions.hasRoomFor('new'), sessions.size]).toEqual([false, true, 5]);
    sessions.forget(1);
    expect(sessions.size).toBe(0);
  });

  test('so do results of so many characters', () => {
    let sessions = new Sessions({ clients: 1000, characters: 1000, resultCharacters: 1000 });
    const isFull = (): boolean =>
      (sessions = restoredFrom(sessions, { ...LIMITS, clients: 1000, characters: 1000 })).isFull;
    write(sessions, { client: 'a', sequence: 1 }, refused(1, 'x'.repeat(900)));
    expect(isFull()).toBe(false);
    write(sessions, { client: 'b', sequence: 1 }, put(2));
    expect(isFull()).toBe(true);
    sessions.forget(0);
    expect(isFull()).toBe(false);
    // Whoever goes on brings along what is kept of it.
    write(sessions, { client: 'a', sequence: 2, epoch: 0 }, put(3));
    expect(isFull()).toBe(true);
    write(sessions, { client: 'a', sequence: 1 + WINDOW }, put(4));
    expect(isFull()).toBe(false);
  });

  test('a large result is not kept, and its write stays done', () => {
    const store = new KeyValueStore([['x', 'x'.repeat(SESSION_LIMITS.resultCharacters + 1)]]);
    const session = { client: 'c', sequence: 1 };
    const swap = { op: 'compareAndSet', key: 'x', expect: 'y', value: 'z', session } as const;
    expect(store.apply(swap, 1)).toMatchObject({ swapped: false });
    store.apply({ op: 'put', key: 'x', value: 'y', session: null }, 2);
    expect(store.apply(swap, 3)).toEqual({ ...STALE_SEQUENCE, epoch: 0 });
    expect(store.get('x')).toBe('y');
    expect(JSON.stringify(store.snapshot()).length).toBeLessThan(200);
  });

  test('of a swap of large values the outcome is kept', () => {
    const large = 'x'.repeat(SESSION_LIMITS.resultCharacters + 1);
    const store = new KeyValueStore([['x', large]]);
    const session = { client: 'c', sequence: 1 };
    const swap = { op: 'compareAndSet', key: 'x', expect: large, value: 'z', session } as const;
    const first = store.apply(swap, 1);
    store.apply({ op: 'put', key: 'x', value: large, session: null }, 2);
    expect(store.apply(swap, 3)).toEqual(first);
    expect(store.get('x')).toBe(large);
  });
});

describe('the data of version 0.1', () => {
  test('is taken for what was written in epoch 0', () => {
    const store = new KeyValueStore();
    store.restore([
      ['entry/x', '2'],
      ['session/0000000000000001/ada', { op: 'put', replaced: false, slot: 1 }],
      ['session/0000000000000002/ada', { op: 'compareAndSet', swapped: true, actual: '1', slot: 2 }],
    ]);
    expect(store.sessions).toMatchObject({ epoch: 0, size: 1 });
    expect(store.apply(putOf('ada', 1, '1'), 3)).toEqual({ op: 'put', replaced: false, slot: 1 });
    expect(store.apply(putOf('ada', 2, '1'), 4)).toEqual({
      op: 'compareAndSet',
      swapped: true,
      actual: '1',
      slot: 2,
    });
    forget(store);
    expect(store.apply(putOf('ada', 1, '1'), 5)).toMatchObject({ op: 'put', slot: 1 });
    forget(store);
    expect(store.apply(putOf('ada', 1, '1'), 6)).toEqual({ ...STALE_EPOCH, epoch: 2 });
    expect(store.get('x')).toBe('2');
  });
});
