import { SeededRandom } from '../../../src/core/random';
import type { TestCluster } from '../helpers/cluster';
import { audit, type Verdict } from './audit';
import type { Load } from './load';
import type { StartLoad } from './with-cluster';

const CLIENTS = 20;
/** Acknowledged writes to wait for before, during and after the fault. */
const WRITES_PER_PART = 100;

export interface Round {
  readonly number: number;
  readonly victims: readonly number[];
  readonly load: Load;
  readonly verdict: Verdict;
  readonly durationMs: number;
}

/**
 * kill -9 and restart in the middle of a write load, round after round on the same cluster; everything that was ever
 * written is audited after each. Victims, order and pauses follow from the seed.
 */
export async function* killRounds(
  cluster: TestCluster,
  startLoad: StartLoad,
  { rounds, victims: count, seed }: { rounds: number; victims: number; seed: number },
): AsyncGenerator<Round> {
  const loads: Load[] = [];
  for (let number = 1; number <= rounds; number++) {
    const random = new SeededRandom(seed).fork(`round ${number}`);
    const victims = cluster.ids
      .map((id) => ({ id, rank: random.float() }))
      .sort((a, b) => a.rank - b.rank)
      .slice(0, count)
      .map(({ id }) => id);
    const startedAt = performance.now();
    const load = startLoad({ clients: CLIENTS, seed: random.int(0, 2 ** 32 - 1), name: `r${number}` });
    loads.push(load);
    await load.untilFurther(WRITES_PER_PART + random.int(0, 50));
    await killAndRestart(cluster, load, victims, random.chance(0.5), random.int(0, 40));
    await load.untilFurther(WRITES_PER_PART);
    await load.stop();
    const verdict = await audit(cluster, ...loads);
    yield { number, victims, load, verdict, durationMs: performance.now() - startedAt };
  }
}

async function killAndRestart(
  cluster: TestCluster,
  load: Load,
  victims: readonly number[],
  together: boolean,
  writesBetween: number,
): Promise<void> {
  const hasQuorum = victims.length < cluster.ids.length / 2;
  const groups = together || !hasQuorum ? [victims] : victims.map((victim) => [victim]);
  const failedBefore = load.failed;
  for (const group of groups) {
    const exits = group.map((id) => cluster.process(id).exited);
    await cluster.kill9(...group);
    for (const { signal } of await Promise.all(exits))
      if (signal !== 'SIGKILL') throw new Error(`the victim ended by ${signal ?? 'itself'}, not by kill -9`);
    if (hasQuorum) await load.untilFurther(writesBetween);
  }
  if (hasQuorum) await load.untilFurther(WRITES_PER_PART);
  for (const group of groups) {
    cluster.launch(...group);
    await cluster.untilReady(...group);
  }
  const before = victims.map((id) => load.acknowledgedBy[id] ?? 0);
  await cluster.waitUntil('the restarted servers acknowledge writes again', () =>
    victims.every((id, i) => (load.acknowledgedBy[id] ?? 0) > (before[i] ?? 0)),
  );
  if (load.failed === failedBefore) throw new Error('no client noticed the kill: the load missed the fault');
}
