import { expect, test } from '@jest/globals';
import { RawClient } from '../load/raw-client';
import { withCluster } from '../load/with-cluster';

const MIB = 1024 * 1024;
const CLIENTS = 60;
/** Each character takes two in JSON: the largest values are larger still on the wire. */
const VALUE = '\n'.repeat(MIB);

test('many of the largest values at once, a crash of all in the middle, and the cluster goes on', async () => {
  await withCluster({ arguments: ['--operation-timeout', '20s'] }, async (cluster) => {
    const raw = new RawClient(cluster.addresses, CLIENTS);
    let acknowledged = 0;
    let stopped = false;
    const client = async (number: number): Promise<void> => {
      while (!stopped) {
        const target = number % cluster.ids.length;
        await raw.call(target, 'kv.put', { key: `large/${number}`, value: VALUE }, 25_000).then(
          () => acknowledged++,
          () => undefined,
        );
      }
    };
    const clients = Array.from({ length: CLIENTS }, (_, number) => client(number));
    await cluster.waitUntil('writes were acknowledged', () => acknowledged >= 10, 40_000);
    stopped = true;
    await cluster.kill9(...cluster.ids);
    await Promise.all(clients);
    await raw.close();
    const before = acknowledged;
    expect(before).toBeGreaterThanOrEqual(10);
    await cluster.restart(...cluster.ids);
    await cluster.waitEqual(cluster.ids, 60_000);
    const { applied } = await cluster.status(0);
    expect(applied).toBeGreaterThanOrEqual(before);
    expect(await cluster.rpc(1, 'kv.put', { key: 'after', value: 'all' })).toMatchObject({ replaced: false });
  });
}, 180_000);
