import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { Digest } from '../../src/kv/digest';
import { KeyValueStore } from '../../src/kv/store';

const NONE = '0'.repeat(16);
const entries = fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), {
  selector: ([key]) => key,
  maxLength: 20,
});

function digestOf(list: readonly (readonly [string, string])[]): string {
  const digest = new Digest();
  for (const [key, value] of list) digest.toggle(key, value);
  return digest.toString();
}

describe('digest', () => {
  test('of nothing is all zero, and 16 hexadecimal digits always', () => {
    expect(digestOf([])).toBe(NONE);
    fc.assert(
      fc.property(entries, (list) => {
        expect(digestOf(list)).toMatch(/^[0-9a-f]{16}$/);
      }),
    );
  });

  test('does not depend on the order', () => {
    fc.assert(
      fc.property(entries, fc.infiniteStream(fc.nat()), (list, random) => {
        const shuffled = list.map((entry) => [random.next().value as number, entry] as const);
        shuffled.sort(([a], [b]) => a - b);
        expect(digestOf(shuffled.map(([, entry]) => entry))).toBe(digestOf(list));
      }),
    );
  });

  test('forgets an entry that is taken out again', () => {
    fc.assert(
      fc.property(entries, ([...list]) => {
        const digest = new Digest();
        for (const [key, value] of [...list, ...list]) digest.toggle(key, value);
        expect(digest.toString()).toBe(NONE);
      }),
    );
  });

  test('tells stores with different entries apart', () => {
    const seen = new Map<string, string>();
    for (let i = 0; i < 50_000; i++) {
      const entry = [`key ${i % 251}`, `value ${i}`] as const;
      const digest = digestOf([entry]);
      expect(seen.get(digest)).toBeUndefined();
      seen.set(digest, entry.join());
    }
  });

  test.each<[string, [string, string], [string, string]]>([
    ['the border between key and value', ['ab', 'c'], ['a', 'bc']],
    ['key and value', ['a', 'b'], ['b', 'a']],
    ['an empty value', ['a', ''], ['', 'a']],
    ['a NUL at the end', ['a', 'b'], ['a', 'b\0']],
    ['NULs only', ['\0', ''], ['\0\0', '']],
    ['an empty value and a NUL', ['a', ''], ['a', '\0']],
    ['characters that swap places', ['a', 'xy'], ['a', 'yx']],
    ['the high byte of a unit', ['a', '\u0101'], ['a', '\u0001']],
  ])('tells apart: %s', (_, a, b) => {
    expect(digestOf([a])).not.toBe(digestOf([b]));
  });

  test('of a store is that of its entries, whatever led to them', () => {
    const change = fc.tuple(
      fc.constantFrom('a', 'b', 'c', '__proto__', ''),
      fc.option(fc.constantFrom('', '1', '2')),
    );
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const store = new KeyValueStore();
        const model = new Map<string, string>();
        changes.forEach(([key, value], slot) => {
          if (value === null) {
            store.apply({ op: 'delete', key, session: null }, slot);
            model.delete(key);
          } else {
            store.apply({ op: 'put', key, value, session: null }, slot);
            model.set(key, value);
          }
          expect(store.digest).toBe(digestOf([...model]));
          expect(store.digest === NONE).toBe(model.size === 0);
        });
      }),
    );
  });

  test('of large values is brought up to date on the way, so that nobody who asks waits for all of them', () => {
    const store = new KeyValueStore();
    const value = 'x'.repeat(1_000_000);
    for (let slot = 1; slot <= 100; slot++)
      store.apply({ op: 'put', key: `k${slot}`, value, session: null }, slot);
    const toggle = jest.spyOn(Digest.prototype, 'toggle');
    expect(store.digest).not.toBe(NONE);
    expect(toggle.mock.calls.length).toBeLessThan(20);
    toggle.mockRestore();
  });
});
