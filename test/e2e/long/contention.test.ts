import { expect, test } from '@jest/globals';
import type { HistoryEvent } from '../../../src/history/history';
import { Recorder } from '../../../src/history/recorder';
import type { TestCluster } from '../helpers/cluster';
import { assertSound, audit } from '../load/audit';
import { assertJudged } from '../load/judge';
import { RawClient } from '../load/raw-client';
import { seedOf } from '../load/seed';
import { withCluster } from '../load/with-cluster';

const FAILURE = 0.25;
const WRITES = 400;
const JUDGED = 30;
/** Bounds on livelock, not on speed: a cluster that duels for ever gets nothing done, on whatever machine. */
const WRITES_PER_SECOND = 5;
const SLOWEST_MS = 20_000;

const RAISERS = 10;
const RAISES = 5;

const OPTIONS = { acceptorFailure: FAILURE, arguments: ['--operation-timeout', `${SLOWEST_MS}ms`] };

/** Clients of all servers raise one counter by compareAndSet: it counts each success once. */
async function expectExactCounter(cluster: TestCluster): Promise<void> {
  const raw = new RawClient(cluster.addresses, RAISERS);
  const events: HistoryEvent[] = [];
  const recorder = new Recorder(
    () => performance.now(),
    (event) => events.push(event),
  );
  let swapped = 0;
  const raise = async (client: number): Promise<void> => {
    let known: string | null = null;
    for (let sequence = 1, own = 0; own < RAISES; sequence++) {
      const change: { key: string; expect: string | null; value: string } = {
        ...{ key: 'counter', expect: known, value: String(Number(known ?? 0) + 1) },
      };
      const params = { ...change, client: `counting-${client}`, sequence };
      const id = recorder.invoke(params.client, { op: 'compareAndSet', ...change });
      const answer = (await raw.call(client % 5, 'kv.compareAndSet', params, SLOWEST_MS + 5000)) as {
        swapped: boolean;
        actual: string | null;
      };
      recorder.ok(id, answer, cluster.address(client % 5));
      known = answer.swapped ? change.value : answer.actual;
      if (answer.swapped) own++;
      if (answer.swapped) swapped++;
    }
  };
  try {
    await Promise.all(Array.from({ length: RAISERS }, (_, client) => raise(client)));
  } finally {
    await raw.close();
  }
  await cluster.waitEqual();
  for (const id of cluster.ids)
    expect(await cluster.rpc(id, 'kv.get', { key: 'counter' })).toMatchObject({ value: String(swapped) });
  expect(swapped).toBe(RAISERS * RAISES);
  assertJudged('counter', events, RAISERS * RAISES);
}

test('clients spread over all five with -f 0.25: no livelock, nothing lost or done twice, a counter counts each success once', async () => {
  const seed = seedOf('npm run test:long -- contention');
  await withCluster(OPTIONS, async (cluster, startLoad, startJudged) => {
    const startedAt = performance.now();
    const load = startLoad({ clients: 16, seed, name: 'all', attemptTimeoutMs: SLOWEST_MS + 5000 });
    const judged = startJudged({ clients: 5, seed, name: 'all', deadlineMs: SLOWEST_MS });
    await load.untilFurther(WRITES, (WRITES / WRITES_PER_SECOND) * 1000);
    const seconds = (performance.now() - startedAt) / 1000;
    await judged.untilFurther(JUDGED);
    await Promise.all([load.stop(), judged.stop()]);
    expect(WRITES / seconds).toBeGreaterThan(WRITES_PER_SECOND);
    // Injected failures are the servers' own affair: clients do not see them.
    expect([...load.failures]).toEqual([]);
    expect(load.slowestMs).toBeLessThan(SLOWEST_MS);
    assertSound(await audit(cluster, load), load);
    assertJudged('contention', judged.events, JUDGED);
    for (const id of cluster.ids) {
      const { unansweredAcceptorCalls, applied } = await cluster.status(id);
      expect(load.acknowledgedBy[id]).toBeGreaterThan(WRITES / 10);
      // Two calls in each slot at the least.
      expect(unansweredAcceptorCalls).toBeGreaterThan(2 * applied * FAILURE * 0.7);
    }
    await expectExactCounter(cluster);
  });
}, 90_000);
