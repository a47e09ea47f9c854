import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startCluster, type TestCluster } from '../helpers/cluster';
import { seedOf } from '../load/seed';
import { ATTACKS } from './attacks';
import { ATTACKED, runRound } from './round';

// The short form of npm run test:hostile: one server, and less of each attack.
const seed = seedOf('npx jest test/e2e/hostile/hostile.test.ts');
let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster({ servers: 1, env: ATTACKED });
}, 60_000);
afterAll(() => cluster.close());

test.each(
  ATTACKS.filter(({ isLongOnly }) => isLongOnly !== true).map((attack) => [attack.name, attack] as const),
)(
  'a server survives: %s',
  async (_, attack) => {
    const { counts, complaints, service } = await runRound(cluster, 0, attack, seed, false);
    expect({ counts, complaints }).toEqual({ counts, complaints: [] });
    expect(service.operations).toBeGreaterThan(0);
    expect(Object.keys(counts)).not.toHaveLength(0);
  },
  60_000,
);
