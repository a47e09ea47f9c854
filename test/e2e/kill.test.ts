import { expect, test } from '@jest/globals';
import { assertSound } from './load/audit';
import { killRounds } from './load/kill-rounds';
import { seedOf } from './load/seed';
import { withCluster } from './load/with-cluster';

/** Servers killed in each round. */
const VICTIMS = [2, 5];

test('kill -9 of any two or of all five under load, and restart: nothing acknowledged is lost or done twice, and what clients see is linearizable', async () => {
  const seed = seedOf('npx jest test/e2e/kill.test.ts');
  await withCluster({}, async (cluster, startLoad, startJudged) => {
    let rounds = 0;
    for await (const round of killRounds(cluster, startLoad, startJudged, { victims: VICTIMS, seed })) {
      rounds++;
      assertSound(round.verdict, round.load);
      expect(round.load.repeated).toBeGreaterThan(0);
      expect(round.load.acknowledged).toBeGreaterThan(200);
      // More than the last reads.
      expect(round.judged.local).toBeGreaterThan(30);
    }
    expect(rounds).toBe(VICTIMS.length);
  });
}, 120_000);
