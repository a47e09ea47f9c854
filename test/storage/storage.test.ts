import { rmSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Change } from '../../src/core/environment';
import type { Json } from '../../src/core/json';
import { JournaledStorage } from '../../src/storage/journaled-storage';
import { LmdbStorage } from '../../src/storage/lmdb-storage';
import { MemoryStorage } from '../../src/storage/memory-storage';
import { temporaryFolder } from './helpers/child';

const folders: string[] = [];
const folder = (): string => {
  const made = temporaryFolder();
  folders.push(made);
  return made;
};
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});

const LONGEST = ['a', 'é', '€', '𝒳', '\0', '\u{7f}', '\uffff'].map((unit) =>
  unit.repeat(Math.floor(1024 / Buffer.byteLength(unit))),
);

describe.each<[string, () => LmdbStorage | JournaledStorage | MemoryStorage]>([
  ['LMDB', () => new LmdbStorage(folder())],
  ['the journals', () => new JournaledStorage(folder())],
  ['memory', () => new MemoryStorage()],
])('%s', (_, open) => {
  test('keeps what was written, replaced and deleted', async () => {
    const storage = open();
    expect([...storage.read()]).toEqual([]);
    await storage.write([
      { key: 'a', value: 1 },
      { key: 'b', value: { deep: [null, true, 'text', 1.5] } },
      { key: 'c', value: null },
    ]);
    await storage.write([
      { key: 'a', value: 'new' },
      { key: 'b', value: undefined },
      { key: 'none', value: undefined },
    ]);
    expect([...storage.read()]).toEqual([
      ['a', 'new'],
      ['c', null],
    ]);
    await storage.close();
  });

  test('of one key in one write the last change counts', async () => {
    const storage = open();
    await storage.write([
      { key: 'a', value: 1 },
      { key: 'a', value: undefined },
      { key: 'a', value: 2 },
      { key: 'b', value: 1 },
      { key: 'b', value: undefined },
    ]);
    expect([...storage.read()]).toEqual([['a', 2]]);
    await storage.close();
  });

  test('writes count in the order in which they were issued', async () => {
    const storage = open();
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 200; i++)
      writes.push(storage.write([{ key: `key ${i % 3}`, value: i % 5 === 0 ? undefined : i }]));
    await Promise.all(writes);
    expect([...storage.read()]).toEqual([
      ['key 0', 198],
      ['key 1', 199],
      ['key 2', 197],
    ]);
    await storage.close();
  });

  test('reads what has keys that begin so, and nothing else', async () => {
    const storage = open();
    const keys = ['a', 'b', 'b/', 'b/1', 'b/é', 'b/\u{10ffff}', 'b0', 'c'];
    await storage.write(keys.map((key) => ({ key, value: key })));
    const begin = (prefix?: string): string[] => [...storage.read(prefix)].map(([key]) => key);
    expect(begin('b/')).toEqual(['b/', 'b/1', 'b/é', 'b/\u{10ffff}']);
    expect(begin('b')).toEqual(keys.slice(1, -1));
    expect(begin('d')).toEqual([]);
    expect(begin()).toEqual(keys);
    await storage.close();
  });

  test('an empty write waits for those before it', async () => {
    const storage = open();
    await storage.write([]);
    const large = 'x'.repeat(4 * 1024 * 1024);
    const first = storage.write([{ key: 'a', value: large }]);
    const second = storage.write([{ key: 'b', value: large }]);
    await storage.write([]);
    expect([...storage.read()].map(([key]) => key)).toEqual(['a', 'b']);
    await Promise.all([first, second]);
    await storage.close();
  });

  test('takes keys of 1024 bytes of every kind behind a prefix', async () => {
    const storage = open();
    const changes = LONGEST.map((key, i): Change => ({ key: `learner/state/entry/${key}`, value: i }));
    await storage.write(changes);
    const read = new Map(storage.read());
    for (const { key, value } of changes) expect(read.get(key)).toBe(value);
    expect(read.size).toBe(LONGEST.length);
    await storage.close();
  });
});

describe.each([
  ['LMDB', LmdbStorage],
  ['the journals', JournaledStorage],
])('%s on disk', (_, DiskStorage) => {
  test('reads in the byte order of UTF-8, after it was opened again', async () => {
    const key = fc.string({
      unit: fc.constantFrom('a', '\0', '\u{7f}', '€', '\uffff', '𝒳'),
      minLength: 1,
      maxLength: 5,
    });
    const value = fc.oneof(fc.string(), fc.integer(), fc.constant(null));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(key, value), { maxLength: 20 }), async (entries) => {
        const path = folder();
        const storage = new DiskStorage(path);
        await storage.write(entries.map(([k, v]) => ({ key: k, value: v })));
        await storage.close();
        const again = new DiskStorage(path);
        const model = [...new Map<string, Json>(entries)].sort(([a], [b]) =>
          Buffer.compare(Buffer.from(a), Buffer.from(b)),
        );
        expect([...again.read()]).toEqual(model);
        await again.close();
      }),
      { numRuns: 25 },
    );
  });

  test('keeps values of 6 MiB', async () => {
    const path = folder();
    const storage = new DiskStorage(path);
    const value = { text: '\0'.repeat(1024 * 1024) };
    await storage.write([{ key: 'a', value }]);
    await storage.close();
    const again = new DiskStorage(path);
    expect([...again.read()]).toEqual([['a', value]]);
    await again.close();
  });

  test('closing waits for the writes that are under way', async () => {
    const path = folder();
    const storage = new DiskStorage(path);
    const writes = Array.from({ length: 50 }, (_, i) => storage.write([{ key: `k${i}`, value: i }]));
    await storage.close();
    await Promise.all(writes);
    const again = new DiskStorage(path);
    expect([...again.read()]).toHaveLength(50);
    await again.close();
  });

  test('a deferred change goes with the next write, before it', async () => {
    const storage = new DiskStorage(folder());
    storage.defer([
      { key: 'a', value: 'deferred' },
      { key: 'b', value: 'deferred' },
    ]);
    await storage.write([{ key: 'a', value: 'written' }]);
    expect([...storage.read()]).toEqual([
      ['a', 'written'],
      ['b', 'deferred'],
    ]);
    await storage.close();
  });

  test('a deferred change that no write follows becomes durable all the same', async () => {
    const storage = new DiskStorage(folder());
    storage.defer([{ key: 'a', value: 1 }]);
    const deadline = Date.now() + 5000;
    while ([...storage.read()].length === 0 && Date.now() < deadline) await new Promise(setImmediate);
    expect([...storage.read()]).toEqual([['a', 1]]);
    await storage.close();
  });

  test('closing keeps deferred changes, and whoever writes afterwards gets no answer', async () => {
    const path = folder();
    const storage = new DiskStorage(path);
    storage.defer([{ key: 'a', value: 1 }]);
    await storage.close();
    let answered = false;
    storage.write([{ key: 'b', value: 2 }]).then(
      () => (answered = true),
      () => (answered = true),
    );
    const again = new DiskStorage(path);
    expect([...again.read()]).toEqual([['a', 1]]);
    await again.write([{ key: 'c', value: 3 }]);
    expect(answered).toBe(false);
    await again.close();
  });
});
