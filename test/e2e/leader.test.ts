import { expect, test } from '@jest/globals';
import type { TestCluster } from './helpers/cluster';
import { leaderOf } from './helpers/leader';
import { assertSound, audit } from './load/audit';
import { assertJudged } from './load/judge';
import type { JudgedLoad } from './load/judged-load';
import { killRounds } from './load/kill-rounds';
import { rollingRestart } from './load/rolling-restart';
import { seedOf } from './load/seed';
import { withCluster } from './load/with-cluster';

const MULTI_PAXOS = ['--protocol', 'multi-paxos'];
const JUDGED = 40;
/** Short beside the stalls that are judged. */
const REST_MS = 50;
/** An election's longest timeout, with what a busy machine adds. */
const LONGEST_STALL_MS = 1200 + 1500;

/** Stops the leader in the middle of a load of clients that stay where they are, and wakes it when another leads. */
async function deposeByPause(cluster: TestCluster, load: JudgedLoad): Promise<void> {
  await load.untilFurther(JUDGED);
  const old = await leaderOf(cluster);
  const others = cluster.ids.filter((id) => id !== old);
  await cluster.rpc(old, 'kv.put', { key: 'term', value: 'old' });

  cluster.pause(old);
  const next = await leaderOf(cluster, others);
  expect(next).not.toBe(old);
  await cluster.rpc(next, 'kv.put', { key: 'term', value: 'new' });
  const atPause = load.now;
  await load.untilFurther(JUDGED);

  // Asked while it stands still, answered at once when it wakes and does not know yet that it leads no more.
  const answers = Promise.allSettled([
    cluster.rpc(old, 'kv.get', { key: 'term', read: 'linearizable' }),
    cluster.rpc(old, 'kv.put', { key: 'woken', value: 'yes', client: 'waker', sequence: 1 }),
  ]);
  await load.untilFurther(10);
  const servers = [cluster.address(old)];
  expect(load.acknowledged({ from: atPause, servers })).toEqual([]);
  const atWake = load.now;
  cluster.resume(old);
  const [read, write] = await answers;
  expect(read).toMatchObject({ status: 'fulfilled', value: { value: 'new' } });
  // With a client and a sequence it may be proposed again by the next leader, so its outcome need not stay unknown.
  expect(write).toMatchObject({ status: 'fulfilled' });
  for (const id of cluster.ids)
    expect(await cluster.rpc(id, 'kv.get', { key: 'woken', read: 'linearizable' })).toMatchObject({
      value: 'yes',
    });
  await cluster.waitUntil(
    'clients of the deposed leader are served',
    () => load.acknowledged({ from: atWake, servers }).length >= JUDGED / 4,
  );
}

test('a leader that stood still gives no old value and no false acknowledgement when it wakes; restarting all servers in turn fails nothing', async () => {
  const seed = seedOf('npx jest test/e2e/leader.test.ts');
  await withCluster({ servers: 3, arguments: MULTI_PAXOS }, async (cluster, _startLoad, startJudged) => {
    const pinned = startJudged({ clients: 6, seed, name: 'paused', isPinned: true, restMs: REST_MS });
    await deposeByPause(cluster, pinned);
    await pinned.stop();
    assertJudged('paused-leader', pinned.events, 3 * JUDGED);

    const load = startJudged({ clients: 6, seed, name: 'rolling', restMs: REST_MS });
    const restarts = [];
    for await (const restarted of rollingRestart(cluster, load)) restarts.push(restarted);
    await load.stop();
    assertJudged('rolling-restart', load.events, 3 * JUDGED);
    expect(restarts.map(({ id }) => id)).toEqual(cluster.ids);
    const handedOver = restarts.filter(({ wasLeader }) => wasLeader);
    expect(handedOver.length).toBeGreaterThan(0);
    for (const { stallMs } of handedOver) expect(stallMs).toBeLessThan(LONGEST_STALL_MS);
    await cluster.waitEqual();
  });
}, 60_000);

test('kill -9 of the leader under load, twice: nothing is lost or done twice, and what clients see is linearizable', async () => {
  const seed = seedOf('npx jest test/e2e/leader.test.ts');
  await withCluster({ servers: 3, arguments: MULTI_PAXOS }, async (cluster, startLoad, startJudged) => {
    const killed: number[] = [];
    const plan = { victims: ['leader', 'leader'] as const, seed };
    for await (const round of killRounds(cluster, startLoad, startJudged, plan)) {
      killed.push(...round.victims);
      assertSound(round.verdict, round.load);
      expect(round.load.acknowledged).toBeGreaterThan(200);
    }
    expect(killed).toHaveLength(2);
  });
}, 60_000);

test('with -f 0.25 all goes on, under a leader', async () => {
  const seed = seedOf('npx jest test/e2e/leader.test.ts');
  const options = { servers: 3, acceptorFailure: 0.25, arguments: MULTI_PAXOS };
  await withCluster(options, async (cluster, startLoad, startJudged) => {
    const load = startLoad({ clients: 8, seed, name: 'failing' });
    const judged = startJudged({ clients: 4, seed, name: 'failing' });
    await Promise.all([load.untilFurther(100), judged.untilFurther(JUDGED)]);
    // How many calls that takes depends on how many commands share each of them.
    await cluster.waitUntil(
      'many calls went unanswered',
      async () => (await cluster.status(0)).unansweredAcceptorCalls > 20,
    );
    await Promise.all([load.stop(), judged.stop()]);
    assertSound(await audit(cluster, load), load);
    assertJudged('failing-acceptors', judged.events, JUDGED);
    expect((await cluster.status(0)).leader).not.toBeNull();
  });
}, 60_000);
