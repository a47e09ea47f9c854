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
