import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Result } from '../../src/kv/commands';
import { KeyValueStore, type ListOptions } from '../../src/kv/store';

const KEYS = ['__proto__', 'constructor', 'toString', '', ' ', '\0', '\0\0', '𝒳', '\uffff', 'a/b'];

function driver(store: KeyValueStore): {
  put: (key: string, value: string) => Result;
  remove: (key: string) => Result;
  swap: (key: string, expect: string | null, value: string | null) => Result;
} {
  let slot = 0;
  return {
    put: (key, value) => store.apply({ op: 'put', key, value, session: null }, ++slot),
    remove: (key) => store.apply({ op: 'delete', key, session: null }, ++slot),
    swap: (key, expected, value) =>
      store.apply({ op: 'compareAndSet', key, expect: expected, value, session: null }, ++slot),
  };
}

describe('commands', () => {
  test.each(KEYS)('the key %j can be put, replaced, swapped and deleted', (key) => {
    const store = new KeyValueStore();
    const { put, remove, swap } = driver(store);
    expect(store.get(key)).toBeUndefined();
    expect(remove(key)).toEqual({ op: 'delete', deleted: false, slot: 1 });
    expect(put(key, '')).toEqual({ op: 'put', replaced: false, slot: 2 });
    expect(store.get(key)).toBe('');
    expect(put(key, '1')).toEqual({ op: 'put', replaced: true, slot: 3 });
    expect(swap(key, '1', '2')).toEqual({ op: 'compareAndSet', swapped: true, actual: '1', slot: 4 });
    expect(store.list({ prefix: key, limit: 9, maxCharacters: 99 }).entries).toEqual([{ key, value: '2' }]);
    expect([store.get(key), store.size]).toEqual(['2', 1]);
    expect(remove(key)).toEqual({ op: 'delete', deleted: true, slot: 5 });
    expect([store.get(key), store.size]).toEqual([undefined, 0]);
  });

  test('compare-and-set takes null for absent, on both sides', () => {
    const store = new KeyValueStore();
    const { swap } = driver(store);
    expect(swap('a', 'x', '1')).toMatchObject({ swapped: false, actual: null });
    expect(swap('a', null, null)).toMatchObject({ swapped: true, actual: null });
    expect(store.size).toBe(0);
    expect(swap('a', null, '')).toMatchObject({ swapped: true, actual: null });
    expect(swap('a', null, '1')).toMatchObject({ swapped: false, actual: '' });
    expect(swap('a', '', '1')).toMatchObject({ swapped: true, actual: '' });
    expect(swap('a', '', null)).toMatchObject({ swapped: false, actual: '1' });
    expect(store.get('a')).toBe('1');
    expect(swap('a', '1', null)).toMatchObject({ swapped: true, actual: '1' });
    expect(store.get('a')).toBeUndefined();
  });

  test('a store starts with its initial entries', () => {
    const store = new KeyValueStore(new Map(KEYS.map((key, i) => [key, String(i)])));
    expect(store.size).toBe(KEYS.length);
    KEYS.forEach((key, i) => {
      expect(store.get(key)).toBe(String(i));
    });
    expect(store.takeChanges()).toHaveLength(KEYS.length);
  });
});

describe('list', () => {
  const key = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b', '\0', '\uffff', '𝒳'), maxLength: 4 }),
    fc.constantFrom(...KEYS),
  );

  /** Sorts and filters everything, as slowly as can be. */
  function model(
    entries: ReadonlyMap<string, string>,
    options: ListOptions,
  ): ReturnType<KeyValueStore['list']> {
    const all = [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const matching = all.filter(
      ([k]) =>
        k.startsWith(options.prefix) &&
        (options.after === undefined || Buffer.compare(Buffer.from(k), Buffer.from(options.after)) > 0),
    );
    let count = 0;
    let characters = 0;
    for (const [k, v] of matching.slice(0, options.limit)) {
      characters += k.length + v.length;
      if (count > 0 && characters > options.maxCharacters) break;
      count++;
    }
    return {
      entries: matching.slice(0, count).map(([k, v]) => ({ key: k, value: v })),
      more: count < matching.length,
    };
  }

  test('gives what sorting and filtering everything gives', () => {
    fc.assert(
      fc.property(
        fc.dictionary(key, fc.string({ maxLength: 5 }), { maxKeys: 30 }),
        fc.record(
          {
            prefix: fc.oneof(fc.constant(''), key),
            after: key,
            limit: fc.integer({ min: 1, max: 10 }),
            maxCharacters: fc.oneof(fc.constant(10_000), fc.integer({ min: 0, max: 40 })),
          },
          { requiredKeys: ['prefix', 'limit', 'maxCharacters'] },
        ),
        (content, options) => {
          const entries = new Map(Object.entries(content));
          expect(new KeyValueStore(entries).list(options)).toEqual(model(entries, options));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('page after page gives every entry once', () => {
    fc.assert(
      fc.property(fc.uniqueArray(key, { maxLength: 30 }), fc.integer({ min: 1, max: 5 }), (keys, limit) => {
        const store = new KeyValueStore(keys.map((k) => [k, 'v']));
        const seen: string[] = [];
        for (let more = true; more;) {
          const page = store.list({ prefix: '', after: seen.at(-1), limit, maxCharacters: 1000 });
          seen.push(...page.entries.map((entry) => entry.key));
          more = page.more;
        }
        expect(seen).toEqual([...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
  });

  test('one entry always fits', () => {
    const store = new KeyValueStore([
      ['a', 'x'.repeat(100)],
      ['b', 'y'],
    ]);
    expect(store.list({ prefix: '', limit: 10, maxCharacters: 1 })).toEqual({
      entries: [{ key: 'a', value: 'x'.repeat(100) }],
      more: true,
    });
  });
});
