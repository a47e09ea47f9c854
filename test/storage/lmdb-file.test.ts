import { closeSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Change } from '../../src/core/environment';
import type { Json } from '../../src/core/json';
import { SeededRandom } from '../../src/core/random';
import { checkLmdbFile } from '../../src/storage/lmdb-file';
import { LmdbStorage } from '../../src/storage/lmdb-storage';
import { temporaryFolder } from './helpers/child';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const random = new SeededRandom(5);

function someChanges(): Change[] {
  return Array.from({ length: random.int(1, 300) }, () => {
    const text = 'v'.repeat(random.chance(0.05) ? random.int(2000, 50_000) : random.int(0, 300));
    const key = 'k'.repeat(random.int(0, 300)) + String(random.int(0, 1500));
    return { key, value: random.chance(0.4) ? undefined : text };
  });
}

test('a file as LMDB leaves it after each of many commits is whole, and every entry of it is seen', async () => {
  const storage = new LmdbStorage(folder);
  const model = new Map<string, Json>();
  for (let commit = 0; commit < 12; commit++) {
    const changes = someChanges();
    await storage.write(changes);
    for (const { key, value } of changes)
      if (value === undefined) model.delete(key);
      else model.set(key, value);
    const seen: string[] = [];
    checkLmdbFile(`${folder}/synod.mdb`, (key) => seen.push(key.toString()));
    expect(seen).toEqual([...model.keys()].sort());
  }
  expect(model.size).toBeGreaterThan(300);
  await storage.close();
});

test('a flipped bit is told, or it changes nothing that is read or written', async () => {
  const path = `${folder}/synod.mdb`;
  let storage = new LmdbStorage(folder);
  for (let commit = 0; commit < 6; commit++) await storage.write(someChanges().slice(0, 60));
  const content = [...storage.read()];
  await storage.close();
  const whole = readFileSync(path);
  let told = 0;
  for (let flips = 0; flips < 40; flips++) {
    writeFileSync(path, whole);
    // Often in what is no text: the meta pages and the heads of pages.
    const page = random.int(0, whole.length / 4096 - 1);
    const at = random.chance(0.3)
      ? random.int(0, 200)
      : page * 4096 + random.int(0, random.chance(0.5) ? 40 : 4095);
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.of(whole.readUInt8(at) ^ (1 << random.int(0, 7))), 0, 1, at);
    closeSync(file);
    try {
      storage = new LmdbStorage(folder);
    } catch (error) {
      expect((error as Error).message).toMatch(/synod\.mdb is damaged: /);
      told++;
      continue;
    }
    expect([flips, at, [...storage.read()].length]).toEqual([flips, at, content.length]);
    expect([...storage.read()]).toEqual(content);
    await storage.write(someChanges());
    await storage.close();
    checkLmdbFile(path, () => undefined);
  }
  expect(told).toBeGreaterThan(5);
});

test('a value that became shorter in the commit that wrote it keeps its pages, and the file is whole', async () => {
  const storage = new LmdbStorage(folder);
  await storage.write([50_000, 9000, 40_000].map((length) => ({ key: 'k', value: 'v'.repeat(length) })));
  let bytes = 0;
  checkLmdbFile(`${folder}/synod.mdb`, (_, value) => (bytes += value.length));
  expect(bytes).toBeGreaterThanOrEqual(40_000);
  expect([...storage.read()].map(([, value]) => (value as string).length)).toEqual([40_000]);
  await storage.close();
});

test('an older transaction does not pass for the newest by a flipped bit', async () => {
  const path = `${folder}/synod.mdb`;
  const storage = new LmdbStorage(folder);
  for (const value of ['1', '2', '3', '4', '5']) await storage.write([{ key: 'k', value }]);
  await storage.close();
  const whole = readFileSync(path);
  for (const metaPage of [0, 4096])
    for (let bit = 0; bit < 48; bit++) {
      const flipped = Buffer.from(whole);
      flipped[metaPage + 152 + (bit >> 3)]! ^= 1 << (bit & 7);
      writeFileSync(path, flipped);
      expect(() => {
        checkLmdbFile(path, () => undefined);
      }).toThrow(/not of (transactions that follow each other|its newest transaction)/);
    }
});

test('a free list without its name is told', async () => {
  const path = `${folder}/synod.mdb`;
  const storage = new LmdbStorage(folder);
  for (let commit = 0; commit < 6; commit++) await storage.write(someChanges().slice(0, 60));
  await storage.close();
  const whole = readFileSync(path);
  const names: number[] = [];
  // The root of the free lists, where each node has the flags 0 and a key of 8 bytes.
  const newest = whole.readUInt32LE(152) > whole.readUInt32LE(4096 + 152) ? 0 : 4096;
  const root = whole.readUInt32LE(newest + 88) * 4096;
  for (let at = 24; at < 24 + whole.readUInt16LE(root + 20); at += 2)
    names.push(root + 24 + whole.readUInt16LE(root + at));
  expect(names.length).toBeGreaterThan(0);
  for (const node of names) {
    const changed = Buffer.from(whole);
    changed.writeUInt16LE(0, node + 6);
    writeFileSync(path, changed);
    expect(() => {
      checkLmdbFile(path, () => undefined);
    }).toThrow(/free list/);
  }
});

test('a span of free pages whose length is another one is told, however long it then is', async () => {
  const path = `${folder}/synod.mdb`;
  const storage = new LmdbStorage(folder);
  const large = (value?: string): Change[] => Array.from({ length: 60 }, (_, n) => ({ key: `k${n}`, value }));
  for (let commit = 0; commit < 6; commit++)
    await storage.write(large(commit % 2 === 0 ? 'v'.repeat(9000) : undefined));
  await storage.close();
  const whole = readFileSync(path);
  const newest = whole.readUInt32LE(152) > whole.readUInt32LE(4096 + 152) ? 0 : 4096;
  const root = whole.readUInt32LE(newest + 88) * 4096;
  expect(whole.readUInt16LE(root + 18)).toBe(2);
  const spans: number[] = [];
  for (let at = 24; at < 24 + whole.readUInt16LE(root + 20); at += 2) {
    const node = root + 24 + whole.readUInt16LE(root + at);
    if (whole.readUInt16LE(node + 4) !== 0) continue;
    const list = node + 16;
    for (let word = 1; word <= whole.readUInt32LE(list); word++)
      if (whole.readBigInt64LE(list + word * 8) < 0) spans.push(list + word * 8);
  }
  expect(spans.length).toBeGreaterThan(0);
  for (const span of spans)
    for (let bit = 16; bit < 64; bit++) {
      const flipped = Buffer.from(whole);
      flipped[span + (bit >> 3)]! ^= 1 << (bit & 7);
      writeFileSync(path, flipped);
      expect(() => {
        checkLmdbFile(path, () => undefined);
      }).toThrow(/there is no page|free list|two uses/);
    }
});
