import { expect, test } from '@jest/globals';
import { assertSound, audit } from './load/audit';
import { seedOf } from './load/seed';
import { withCluster } from './load/with-cluster';

const PAUSE_MS = 10_000;
/** A quarter of the servers that clients ask is paused: if the others waited for it, 20 clients would get 20 done. */
const WRITES_WITHIN_PAUSE = 50;

test('SIGSTOP for 10 s of a server that clients use and of one that they do not: the others go on, both catch up', async () => {
  const seed = seedOf('npx jest test/e2e/pause.test.ts');
  await withCluster({}, async (cluster, startLoad) => {
    const [used, unused] = [3, 4];
    const load = startLoad({ clients: 20, seed, name: 'pause', servers: [0, 1, 2, used] });
    await load.untilFurther(100);
    const appliedBefore = (await cluster.status(unused)).applied;

    cluster.pause(used, unused);
    const pausedAt = performance.now();
    const acknowledgedBefore = load.acknowledged;
    await cluster.waitUntil('10 s are over', () => performance.now() - pausedAt >= PAUSE_MS);
    expect(load.acknowledged - acknowledgedBefore).toBeGreaterThan(WRITES_WITHIN_PAUSE);
    // Clients of the paused server gave up, or were told so, and went elsewhere.
    expect(load.failures.get('TimeoutError') ?? 0).toBeGreaterThan(0);
    const { peers } = await cluster.status(0);
    expect(peers.filter((peer) => !peer.reachable).map((peer) => peer.id)).toEqual([used, unused]);

    const answeredBefore = load.acknowledgedBy[used]!;
    cluster.resume(used, unused);
    await cluster.waitUntil('it acknowledges again', () => load.acknowledgedBy[used]! > answeredBefore);
    await load.untilFurther(100);
    await load.stop();
    assertSound(await audit(cluster, load), load);
    expect((await cluster.status(unused)).applied).toBeGreaterThan(appliedBefore + WRITES_WITHIN_PAUSE);
  });
}, 90_000);
