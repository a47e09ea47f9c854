import { expect, test } from '@jest/globals';
import { assertSound, audit } from './load/audit';
import { RawClient } from './load/raw-client';
import { seedOf } from './load/seed';
import { withCluster } from './load/with-cluster';

const AWAY = 2;
const OTHERS = [0, 1];
const MIB = 1024 * 1024;

test('a random mixture with -f 0.25 survives a restart of everything, and all five agree', async () => {
  const seed = seedOf('npx jest test/e2e/catch-up.test.ts');
  const options = { acceptorFailure: 0.25, arguments: ['--operation-timeout', '20s'] };
  await withCluster(options, async (cluster, startLoad) => {
    const load = startLoad({ clients: 10, seed, name: 'mixture', attemptTimeoutMs: 25_000 });
    await load.untilFurther(300);
    await load.stop();
    const before = await audit(cluster, load);
    assertSound(before, load);
    await cluster.restart(...cluster.ids);
    const after = await audit(cluster, load);
    assertSound(after, load);
    expect(after.digest).toBe(before.digest);
    const further = startLoad({ clients: 10, seed, name: 'further', attemptTimeoutMs: 25_000 });
    await further.untilFurther(50);
    await further.stop();
    assertSound(await audit(cluster, load, further), further);
  });
}, 120_000);

test('a server that was away for more than the others keep catches up by a snapshot', async () => {
  await withCluster({ servers: 3, arguments: ['--operation-timeout', '20s'] }, async (cluster) => {
    const raw = new RawClient(cluster.addresses, OTHERS.length);
    try {
      await raw.call(AWAY, 'kv.put', { key: 'early', value: 'kept' }, 20_000);
      await raw.call(AWAY, 'kv.put', { key: 'gone', value: 'deleted meanwhile' }, 20_000);
      await cluster.waitEqual();
      const { applied } = await cluster.status(AWAY);
      await cluster.stop(AWAY);
      await raw.call(0, 'kv.delete', { key: 'gone' }, 20_000);
      // The others keep values of 64 MiB at most: fewer slots than that many, where a value has 1 MiB.
      const write = async (server: number): Promise<void> => {
        for (let number = server; number < 70; number += OTHERS.length) {
          const value = `${number} `.padEnd(MIB, 'large ');
          await raw.call(server, 'kv.put', { key: `large/${number % 3}`, value }, 20_000);
        }
      };
      await Promise.all(OTHERS.map(write));
      for (const id of OTHERS) expect((await cluster.status(id)).floor).toBeGreaterThan(applied + 1);
      await cluster.restart(AWAY);
      await cluster.waitEqual();
      expect(await cluster.rpc(AWAY, 'kv.get', { key: 'early' })).toMatchObject({ value: 'kept' });
      expect(await cluster.rpc(AWAY, 'kv.get', { key: 'gone' })).toMatchObject({ found: false });
      expect((await cluster.status(AWAY)).floor).toBeGreaterThan(applied + 1);
      // It takes part again, on top of what it was given, and keeps it.
      await raw.call(AWAY, 'kv.put', { key: 'late', value: 'too' }, 20_000);
      const digest = await cluster.waitEqual();
      await cluster.restart(AWAY);
      expect(await cluster.waitEqual()).toBe(digest);
    } finally {
      await raw.close();
    }
  });
}, 90_000);
