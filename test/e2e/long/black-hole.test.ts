import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { assertSound, audit } from '../load/audit';
import { assertJudged } from '../load/judge';
import { resourcesOf } from '../load/resources';
import { seedOf } from '../load/seed';
import { withCluster } from '../load/with-cluster';

const ABSENT = 4;
const OTHERS = [0, 1, 2, 3];
/** Of one server to one peer: 4 requests in flight for votes and 2 for bulk, each on a connection of its own. */
const CONNECTIONS_PER_SERVER = 6;
const WRITES = 200;
const JUDGED = 60;
/** Allowed for the median, relative to before and on top of it: nobody has to wait for one of five. */
const SLOWER = { factor: 3, byMs: 50 };
const GROWTH_MIB = 60;

/** Accepts connections and never answers. */
class BlackHole {
  readonly #server = createServer((socket) => {
    this.#open.add(socket);
    this.accepted++;
    this.mostOpen = Math.max(this.mostOpen, this.#open.size);
    socket.resume();
    socket.on('error', () => undefined);
    socket.on('close', () => this.#open.delete(socket));
  });
  readonly #open = new Set<Socket>();
  accepted = 0;
  mostOpen = 0;

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }
}

test('a peer that accepts connections and never answers: writes go on, nothing piles up', async () => {
  const seed = seedOf('npm run test:long -- black-hole');
  await withCluster({}, async (cluster, startLoad, startJudged) => {
    const warmUp = startLoad({
      clients: 14,
      seed,
      name: 'before',
      servers: OTHERS,
      attemptTimeoutMs: 10_000,
    });
    await warmUp.untilFurther(WRITES);
    await warmUp.stop();
    const before = OTHERS.map((id) => resourcesOf(cluster, id));
    const addresses = OTHERS.map((id) => cluster.address(id));
    const judged = startJudged({ clients: 4, seed, name: 'half-open', addresses });

    await cluster.stop(ABSENT);
    const hole = new BlackHole();
    await hole.listen(cluster.port(ABSENT));
    try {
      const load = startLoad({
        clients: 10,
        seed,
        name: 'during',
        servers: OTHERS,
        attemptTimeoutMs: 10_000,
      });
      await load.untilFurther(WRITES);
      await judged.untilFurther(JUDGED);
      await cluster.waitUntil('several calls have timed out at the black hole', () => hole.accepted > 40);
      await Promise.all([load.stop(), judged.stop()]);
      expect(load.failed).toBe(0);
      expect(load.medianMs).toBeLessThan(warmUp.medianMs * SLOWER.factor + SLOWER.byMs);
      // A connection that was given up may still count here while its end is on the way.
      expect(hole.mostOpen).toBeLessThanOrEqual(2 * OTHERS.length * CONNECTIONS_PER_SERVER);
      OTHERS.forEach((id, i) => {
        const { anonymousMib, descriptors } = resourcesOf(cluster, id);
        expect(anonymousMib - before[i]!.anonymousMib).toBeLessThan(GROWTH_MIB);
        expect(descriptors - before[i]!.descriptors).toBeLessThan(2 * CONNECTIONS_PER_SERVER);
      });
      await hole.close();
      await cluster.restart(ABSENT);
      assertSound(await audit(cluster, warmUp, load), load);
      assertJudged('half-open', judged.events, JUDGED);
    } finally {
      await hole.close().catch(() => undefined);
    }
  });
}, 60_000);
