import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { TestCluster } from './helpers/cluster';
import { assertSound, audit } from './load/audit';
import type { Load } from './load/load';
import { seedOf } from './load/seed';
import { SmallDisk } from './load/small-disk';
import { withCluster } from './load/with-cluster';

const COMMAND = 'npx jest test/e2e/disk.test.ts';
const VICTIM = 2;
const DISK_KIB = 2048;
const REST_MS = 50;

/** What the victim printed on standard error, and how it ended. */
async function expectStoppedByDisk(cluster: TestCluster, reason: RegExp): Promise<void> {
  const { code } = await cluster.process(VICTIM).exited;
  const errors = cluster.logs(VICTIM).filter((line) => line.startsWith('err: '));
  // A line of its own, whatever LMDB prints. A write that a full disk cut short LMDB calls an I/O error.
  expect(errors.at(-1)).toMatch(/^err: error: writing to the data folder failed: /);
  expect(errors.at(-1)).toMatch(reason);
  expect(errors.filter((line) => line.includes('error: writing to'))).toHaveLength(1);
  expect(code).toBe(1);
}

/** The load goes on without the victim; with the fault gone, the victim comes back and has everything. */
async function expectOthersGoOnAndVictimReturns(
  cluster: TestCluster,
  load: Load,
  mend: () => Promise<void>,
): Promise<void> {
  await load.untilFurther(50);
  await mend();
  cluster.launch(VICTIM);
  await cluster.untilReady(VICTIM);
  const before = load.acknowledgedBy[VICTIM] ?? 0;
  await cluster.waitUntil('the victim acknowledges again', () => load.acknowledgedBy[VICTIM]! > before);
  await load.stop();
  assertSound(await audit(cluster, load), load);
}

test('a full disk: the server stops with one line and acknowledges nothing it cannot keep; the others go on', async () => {
  const seed = seedOf(COMMAND);
  const folder = mkdtempSync(join(tmpdir(), 'synod-disk-'));
  let disk: SmallDisk;
  try {
    disk = await SmallDisk.create(join(folder, 'disk'), DISK_KIB);
  } catch (error) {
    process.stderr.write(`skipped, no small disk can be made here: ${(error as Error).message}\n`);
    rmSync(folder, { recursive: true });
    return;
  }
  try {
    const wrap = (command: readonly string[], id: number): readonly string[] =>
      id === VICTIM ? disk.within([...command, '--data', join(folder, 'disk', 'data')]) : command;
    await withCluster({ wrap }, async (cluster, startLoad) => {
      const load = startLoad({ clients: 10, seed, name: 'full', restMs: REST_MS });
      await load.untilFurther(50);
      await disk.fill();
      await expectStoppedByDisk(cluster, /no space left|input\/output error/i);
      await expectOthersGoOnAndVictimReturns(cluster, load, () => disk.free());
    });
  } finally {
    await disk.close();
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);

const canTrace = spawnSync('strace', [
  '-f',
  '--seccomp-bpf',
  '-e',
  'trace=fdatasync',
  process.execPath,
  '-e',
  '0',
]);

test('a failing fsync: the server stops with one line and acknowledges nothing it cannot keep; the others go on', async () => {
  if (canTrace.status !== 0) {
    process.stderr.write(
      `skipped, strace does not work here: ${String(canTrace.error ?? canTrace.stderr)}\n`,
    );
    return;
  }
  const seed = seedOf(COMMAND);
  const folder = mkdtempSync(join(tmpdir(), 'synod-fsync-'));
  const trace = join(folder, 'trace');
  let isFaulty = true;
  const wrap = (command: readonly string[], id: number): readonly string[] => {
    if (id !== VICTIM || !isFaulty) return command;
    const inject = ['-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO:when=40+'];
    return ['strace', '-f', '--seccomp-bpf', '-o', trace, ...inject, ...command];
  };
  try {
    await withCluster({ wrap }, async (cluster, startLoad) => {
      const load = startLoad({ clients: 10, seed, name: 'fsync', restMs: REST_MS });
      await expectStoppedByDisk(cluster, /input\/output error/i);
      const traced = readFileSync(trace, 'utf8')
        .split('\n')
        .filter((line) => line.includes('fdatasync('));
      expect(traced.filter((line) => line.includes('(INJECTED)')).length).toBeGreaterThan(0);
      expect(traced.filter((line) => line.endsWith('= 0')).length).toBeGreaterThanOrEqual(30);
      await expectOthersGoOnAndVictimReturns(cluster, load, () => {
        isFaulty = false;
        return Promise.resolve();
      });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
