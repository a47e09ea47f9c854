import { expect, test } from '@jest/globals';
import { assertSound, audit } from './load/audit';
import { assertJudged } from './load/judge';
import { seedOf } from './load/seed';
import { withCluster } from './load/with-cluster';

const PAUSE_MS = 10_000;
const REST_MS = 200;
/** A quarter of the servers that clients ask is paused: if the others waited for it, 16 clients would get 16 done. */
const WRITES_WITHIN_PAUSE = 50;
const JUDGED_WITHIN_PAUSE = 30;

test('SIGSTOP for 10 s of a server that clients use and of one that they do not: the others go on, both catch up', async () => {
  const seed = seedOf('npx jest test/e2e/pause.test.ts');
  await withCluster({}, async (cluster, startLoad, startJudged) => {
    const [used, unused] = [3, 4];
    const servers = [0, 1, 2, used];
    const addresses = servers.map((id) => cluster.address(id));
    const load = startLoad({ clients: 16, seed, name: 'pause', servers, restMs: REST_MS });
    const judged = startJudged({ clients: 4, seed, name: 'pause', addresses, restMs: REST_MS });
    await load.untilFurther(100);
    const appliedBefore = (await cluster.status(unused)).applied;

    cluster.pause(used, unused);
    const pausedAt = performance.now();
    const acknowledgedBefore = load.acknowledged;
    const judgedBefore = judged.now;
    await cluster.waitUntil('10 s are over', () => performance.now() - pausedAt >= PAUSE_MS);
    expect(load.acknowledged - acknowledgedBefore).toBeGreaterThan(WRITES_WITHIN_PAUSE);
    expect(judged.acknowledged({ from: judgedBefore }).length).toBeGreaterThan(JUDGED_WITHIN_PAUSE);
    // Clients of the paused server gave up, or were told so, and went elsewhere.
    expect(load.failures.get('TimeoutError') ?? 0).toBeGreaterThan(0);
    const { peers } = await cluster.status(0);
    expect(peers.filter((peer) => !peer.reachable).map((peer) => peer.id)).toEqual([used, unused]);

    const answeredBefore = load.acknowledgedBy[used]!;
    cluster.resume(used, unused);
    await cluster.waitUntil('it acknowledges again', () => load.acknowledgedBy[used]! > answeredBefore);
    await load.untilFurther(100);
    await Promise.all([load.stop(), judged.stop()]);
    assertSound(await audit(cluster, load), load);
    assertJudged('pause', judged.events, 2 * JUDGED_WITHIN_PAUSE);
    expect((await cluster.status(unused)).applied).toBeGreaterThan(appliedBefore + WRITES_WITHIN_PAUSE);
  });
}, 90_000);
