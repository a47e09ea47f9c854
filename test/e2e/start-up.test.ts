import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import { findFreePorts } from '../../src/cli/supervisor/ports';
import { assertSound, auditAt, contentOf } from './load/audit';
import { seedOf } from './load/seed';
import { withCluster } from './load/with-cluster';

const START_SERVERS = resolve(__dirname, '../../bin/start-servers');
/** A quiet machine takes less than 3 s for it. A busy one gets longer, as much as it takes longer to start Node alone. */
const READY_WITHIN_MS = 5000;
const NODE_ALONE_MS = 100;

function howMuchSlower(): number {
  const startedAt = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return Math.max(1, (performance.now() - startedAt) / NODE_ALONE_MS);
}

test('bin/start-servers is ready within 5 s when it is built', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'synod-start-'));
  writeFileSync(join(folder, 'prepopulate.json'), '{"city":"Paxos"}');
  const withinMs = READY_WITHIN_MS * howMuchSlower();
  const port = await findFreePorts(5);
  const startedAt = performance.now();
  const started = spawn(
    process.execPath,
    [START_SERVERS, String(port), '--data', folder, '--prepopulate', join(folder, 'prepopulate.json')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(started, 'exit');
  const ready = new Promise<number>((settle) => {
    createInterface({ input: started.stdout }).on('line', (line) => {
      if (line.startsWith('ready')) settle(performance.now() - startedAt);
    });
  });
  try {
    expect(await Promise.race([ready, exited.then(() => Infinity)])).toBeLessThan(withinMs);
    started.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
  } finally {
    started.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  }
}, 30_000);

test('a server whose disk was wiped is refused, and the other four go on', async () => {
  const seed = seedOf('npx jest test/e2e/start-up.test.ts');
  await withCluster({}, async (cluster, startLoad) => {
    const wiped = 1;
    const load = startLoad({ clients: 10, seed, name: 'wiped' });
    await load.untilFurther(100);
    await cluster.kill9(wiped);
    rmSync(cluster.dataFolder(wiped), { recursive: true });
    cluster.launch(wiped);
    const { code, refusal } = await cluster.process(wiped).exited;
    expect(code).toBe(2);
    expect(refusal).toMatch(/knows server 1 by other data: its data was lost or replaced/);
    await load.untilFurther(100);
    await load.stop();
    const others = cluster.ids.filter((id) => id !== wiped);
    assertSound(await auditAt(cluster, others, load), load);
    expect((await contentOf(cluster, 0)).size).toBeGreaterThan(20);
  });
}, 60_000);
