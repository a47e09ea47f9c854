import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { JournaledStorage } from '../../src/storage/journaled-storage';
import { LmdbStorage } from '../../src/storage/lmdb-storage';
import { runWriter, temporaryFolder, works, type Line } from './helpers/child';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const canTrace = works('strace', '-o', '/dev/null', 'true');
const canMount = works('unshare', '-Urm', 'sh', '-c', 'mount -t tmpfs -o size=64k none /mnt');
const testTraced = canTrace ? test : test.skip;
const testMounted = canMount ? test : test.skip;
const NEEDS_STRACE = '(skipped where strace may not trace)';
const NEEDS_MOUNT = '(skipped where unshare may not mount)';

const numbers = (lines: readonly Line[], event: 'acknowledged' | 'rejected'): number[] =>
  lines.filter((line) => line.event === event).map((line) => (line as { n: number }).n);

async function keysIn(path: string): Promise<Set<string>> {
  const storage = new JournaledStorage(path);
  const keys = new Set([...storage.read()].map(([key]) => key));
  await storage.close();
  return keys;
}

/** What every failed storage must have told: refusal for ever, one reason, and nothing of the failed write to be read. */
function expectFinal(lines: readonly Line[], reason: RegExp): void {
  expect(numbers(lines, 'rejected').length).toBeGreaterThan(0);
  for (const line of lines) if (line.event === 'rejected') expect(line.name).toBe('StorageError');
  expect(lines.filter((line) => line.event === 'failed')).toEqual([
    { event: 'failed', name: 'StorageError', message: expect.stringMatching(reason) },
  ]);
  expect(lines.filter((line) => line.event.startsWith('late-'))).toEqual([
    { event: 'late-rejected', name: 'StorageError' },
    { event: 'late-rejected', name: 'StorageError' },
  ]);
  const firstRejected = lines.findIndex((line) => line.event === 'rejected');
  expect(lines.findLastIndex((line) => line.event === 'acknowledged')).toBeLessThan(firstRejected);
  const readable = lines.find((line) => line.event === 'readable');
  for (const n of numbers(lines, 'rejected')) expect(readable?.keys).not.toContain(`a/${n}`);
  expect(readable?.keys).not.toContain('later');
  // Nothing was thrown that nobody caught.
  expect(lines.at(-1)).toEqual({ event: 'ended', code: 0 });
  for (const n of numbers(lines, 'acknowledged')) expect(readable?.keys).toContain(`b/${n}`);
}

test('kill -9 in a stream of writes: each acknowledged one is there again, and each is there whole or not at all', async () => {
  const acknowledged = new Set<number>();
  for (let round = 0; round < 4; round++) {
    const first = round * 1_000_000;
    const lines = await runWriter(folder, { first, writers: 16, bytes: 500 }, (line, child) => {
      if (line.event === 'acknowledged' && line.n >= first + 100 + round * 37) child.kill('SIGKILL');
    });
    expect(lines.some((line) => line.event === 'readable')).toBe(false);
    for (const n of numbers(lines, 'acknowledged')) acknowledged.add(n);
    const keys = await keysIn(folder);
    for (const n of acknowledged)
      expect([n, keys.has(`a/${n}`), keys.has(`b/${n}`)]).toEqual([n, true, true]);
    for (const key of keys) expect(keys.has(key.replace(/^./, key.startsWith('a') ? 'b' : 'a'))).toBe(true);
  }
  expect(acknowledged.size).toBeGreaterThan(400);
});

describe('syncs', () => {
  testTraced(
    `many writes at a time share few syncs, one at a time has one each ${NEEDS_STRACE}`,
    async () => {
      const syncsPerWrite = async (writers: number, writes: number): Promise<number> => {
        const log = join(folder, `trace-${writers}`);
        const wrapper = ['strace', '-f', '-e', 'trace=fdatasync,fsync,msync', '-o', log];
        const path = join(folder, String(writers));
        const lines = await runWriter(path, { writers, writes, wrapper });
        const syncs = readFileSync(log, 'utf8').match(/(fdatasync|fsync|msync)\(/g)?.length ?? 0;
        return syncs / numbers(lines, 'acknowledged').length;
      };
      expect(await syncsPerWrite(1, 30)).toBeGreaterThanOrEqual(1);
      expect(await syncsPerWrite(64, 640)).toBeLessThan(0.2);
    },
  );

  testTraced(`a failed sync is final ${NEEDS_STRACE}`, async () => {
    const wrapper = ['strace', '-f', '-o', '/dev/null', '-e', 'trace=fdatasync'];
    const lines = await runWriter(folder, {
      wrapper: [...wrapper, '-e', 'inject=fdatasync:error=EIO:when=40+'],
    });
    expectFinal(lines, /^writing to the data folder failed: Input\/output error/);
    expect(numbers(lines, 'acknowledged').length).toBeGreaterThan(0);
    const keys = await keysIn(folder);
    for (const n of numbers(lines, 'acknowledged')) expect(keys.has(`a/${n}`)).toBe(true);
  });

  testTraced(`one failed sync among good ones is final too ${NEEDS_STRACE}`, async () => {
    const wrapper = ['strace', '-f', '-o', '/dev/null', '-e', 'trace=fdatasync'];
    const lines = await runWriter(folder, {
      wrapper: [...wrapper, '-e', 'inject=fdatasync:error=EIO:when=40'],
    });
    expectFinal(lines, /Input\/output error \(is the disk full, or broken\?\)$/);
  });
});

describe('a full disk', () => {
  testMounted(`is final, and what was acknowledged before can be read again ${NEEDS_MOUNT}`, async () => {
    // The mount is gone with the process that made it: the files are copied out first.
    const copy = join(folder, 'copy');
    mkdirSync(copy);
    const script =
      'mount -t tmpfs -o size=1m none "$0" && "$@"; code=$?; cp "$0"/synod.mdb "$0"/journal-* "$OUT"; exit $code';
    const mountPoint = temporaryFolder();
    const lines = await runWriter(mountPoint, {
      bytes: 2000,
      wrapper: [`OUT=${copy}`, 'unshare', '-Urm', 'sh', '-c', script, mountPoint],
    });
    rmSync(mountPoint, { recursive: true });
    expectFinal(lines, /No space left on device|is the disk full/);
    expect(numbers(lines, 'acknowledged').length).toBeGreaterThan(10);
    const keys = await keysIn(copy);
    for (const n of numbers(lines, 'acknowledged')) expect(keys.has(`b/${n}`)).toBe(true);
  });
});

describe('a file that is no data file', () => {
  test.each([
    ['text', 'this is not a data file, though it has the size of one. '.repeat(300)],
    ['zeros', '\0'.repeat(65_536)],
    ['one byte', 'x'],
  ])('%s is refused, not opened', (_, content) => {
    writeFileSync(join(folder, 'synod.mdb'), content);
    expect(() => new LmdbStorage(folder)).toThrow(
      /synod\.mdb is damaged: it (is no data file|was cut at byte 1)$/,
    );
  });

  test('an empty file is a new one', async () => {
    writeFileSync(join(folder, 'synod.mdb'), '');
    expect((await keysIn(folder)).size).toBe(0);
  });
});
