import { expect, test } from '@jest/globals';
import { assertSound } from './load/audit';
import { killRounds } from './load/kill-rounds';
import { seedOf } from './load/seed';
import { withCluster } from './load/with-cluster';

const COMMAND = 'npx jest test/e2e/kill.test.ts';
const ROUNDS = 3;

test('kill -9 of any two of five under load, and restart: nothing acknowledged is lost or done twice', async () => {
  const seed = seedOf(COMMAND);
  await withCluster({}, async (cluster, startLoad) => {
    let acknowledged = 0;
    for await (const { load, verdict } of killRounds(cluster, startLoad, {
      rounds: ROUNDS,
      victims: 2,
      seed,
    })) {
      assertSound(verdict, load);
      expect(load.repeated).toBeGreaterThan(0);
      acknowledged = verdict.acknowledged;
    }
    expect(acknowledged).toBeGreaterThan(ROUNDS * 300);
  });
}, 120_000);

test('kill -9 of all five under load, and restart: nothing acknowledged is lost or done twice', async () => {
  const seed = seedOf(COMMAND);
  await withCluster({}, async (cluster, startLoad) => {
    for await (const { load, verdict } of killRounds(cluster, startLoad, { rounds: 2, victims: 5, seed })) {
      assertSound(verdict, load);
      expect(verdict.acknowledged).toBeGreaterThan(200);
    }
  });
}, 120_000);
