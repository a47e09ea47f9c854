import { expect, test } from '@jest/globals';
import { assertSound, audit, contentOf } from './load/audit';
import { RawClient } from './load/raw-client';
import { seedOf } from './load/seed';
import { withCluster } from './load/with-cluster';

const FAILURE = 0.25;
const WRITES = 400;
/** Bounds on livelock, not on speed: a cluster that duels for ever gets nothing done, on whatever machine. */
const WRITES_PER_SECOND = 5;
const SLOWEST_MS = 20_000;

const OPTIONS = { acceptorFailure: FAILURE, arguments: ['--operation-timeout', `${SLOWEST_MS}ms`] };

test('clients spread over all five with -f 0.25: no livelock, nothing lost or done twice', async () => {
  const seed = seedOf('npx jest test/e2e/contention.test.ts');
  await withCluster(OPTIONS, async (cluster, startLoad) => {
    const startedAt = performance.now();
    const load = startLoad({ clients: 20, seed, name: 'all', attemptTimeoutMs: SLOWEST_MS + 5000 });
    await load.untilFurther(WRITES, (WRITES / WRITES_PER_SECOND) * 1000);
    const seconds = (performance.now() - startedAt) / 1000;
    await load.stop();
    expect(WRITES / seconds).toBeGreaterThan(WRITES_PER_SECOND);
    // Injected failures are the servers' own affair: clients do not see them.
    expect([...load.failures]).toEqual([]);
    expect(load.slowestMs).toBeLessThan(SLOWEST_MS);
    assertSound(await audit(cluster, load), load);
    for (const id of cluster.ids) {
      const { unansweredAcceptorCalls, applied } = await cluster.status(id);
      expect(load.acknowledgedBy[id]).toBeGreaterThan(WRITES / 10);
      // Two calls in each slot at the least.
      expect(unansweredAcceptorCalls).toBeGreaterThan(2 * applied * FAILURE * 0.7);
    }
  });
}, 90_000);

test('ten clients of all five servers raise one counter by compareAndSet with -f 0.25: it counts each success once', async () => {
  const clients = 10;
  const raises = 5;
  await withCluster(OPTIONS, async (cluster) => {
    const raw = new RawClient(cluster.addresses, clients);
    let swapped = 0;
    const raise = async (client: number): Promise<void> => {
      let known: string | null = null;
      for (let sequence = 1, own = 0; own < raises; sequence++) {
        const params: {
          key: string;
          expect: string | null;
          value: string;
          client: string;
          sequence: number;
        } = {
          ...{ key: 'counter', expect: known, value: String(Number(known ?? 0) + 1) },
          ...{ client: `counting-${client}`, sequence },
        };
        const answer = (await raw.call(client % 5, 'kv.compareAndSet', params, SLOWEST_MS + 5000)) as {
          swapped: boolean;
          actual: string | null;
        };
        known = answer.swapped ? params.value : answer.actual;
        if (answer.swapped) own++;
        if (answer.swapped) swapped++;
      }
    };
    try {
      await Promise.all(Array.from({ length: clients }, (_, client) => raise(client)));
    } finally {
      await raw.close();
    }
    await cluster.waitEqual();
    for (const id of cluster.ids)
      expect([...(await contentOf(cluster, id))]).toEqual([['counter', String(clients * raises)]]);
    expect(swapped).toBe(clients * raises);
  });
}, 90_000);
