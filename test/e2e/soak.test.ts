import { expect, test } from '@jest/globals';
import { growth, soak, type Tenth } from './load/soak';
import { withCluster } from './load/with-cluster';

const OPERATIONS = 3000;
/** Each slot takes about 4 KiB at first, and garbage comes on top; the plateau is for `npm run test:soak` to see. */
const GROWTH_MIB = 60;
const DESCRIPTORS = 20;

test('3,000 writes: memory and descriptors stay bounded, and the stores are equal', async () => {
  await withCluster({ arguments: ['--operation-timeout', '30s'] }, async (cluster) => {
    const tenths: Tenth[] = [];
    for await (const tenth of soak(cluster, OPERATIONS)) tenths.push(tenth);
    const grown = growth(tenths[4]!, tenths[9]!);
    expect(grown.anonymousMib).toBeLessThan(GROWTH_MIB);
    expect(grown.descriptors).toBeLessThan(DESCRIPTORS);
    await cluster.waitEqual();
    expect((await cluster.status(0)).applied).toBeGreaterThanOrEqual(OPERATIONS);
    expect((await cluster.status(0)).entries).toBe(1000);
  });
}, 180_000);
