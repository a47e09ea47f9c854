import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { lockFolder } from '../../src/storage/folder-lock';
import { LmdbStorage } from '../../src/storage/lmdb-storage';
import { temporaryFolder } from './helpers/child';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a data folder is open once at a time, and again after it was closed', async () => {
  const storage = new LmdbStorage(folder);
  expect(() => new LmdbStorage(folder)).toThrow(`in use by the process ${process.pid}`);
  await storage.close();
  await new LmdbStorage(folder).close();
});

test('a lock whose process is gone, or that came with a copy of the folder, counts for nothing', () => {
  const file = join(folder, 'synod.lock');
  lockFolder(folder);
  const copy = `${folder}-copy`;
  cpSync(folder, copy, { recursive: true });
  lockFolder(copy)();
  rmSync(copy, { recursive: true });

  const held = JSON.parse(readFileSync(file, 'utf8')) as object;
  expect(() => lockFolder(folder)).toThrow('in use');
  // The same number, given to another process since.
  writeFileSync(file, JSON.stringify({ ...held, startedAt: 'earlier' }));
  lockFolder(folder);
  writeFileSync(file, 'torn');
  lockFolder(folder)();
});
