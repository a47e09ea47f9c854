import type { Random } from '../../../src/core/environment';
import { SeededRandom } from '../../../src/core/random';
import type { TestCluster } from '../helpers/cluster';
import { leaderOf } from '../helpers/leader';
import { audit, type Verdict } from './audit';
import { assertJudged, type Judged } from './judge';
import type { JudgedLoad } from './judged-load';
import type { Load } from './load';
import type { StartJudged, StartLoad } from './with-cluster';

const CLIENTS = 16;
/** Acknowledged writes to wait for before, during and after the fault. */
const WRITES_PER_PART = 100;
const JUDGED_CLIENTS = 4;
const JUDGED_PER_PART = 10;
/** Of a round: those of its parts and the last reads. */
const JUDGED_AT_LEAST = 60;

export interface Round {
  readonly number: number;
  readonly victims: readonly number[];
  /** The longest that a client waited for one operation, in milliseconds. */
  readonly stallMs: number;
  readonly load: Load;
  readonly verdict: Verdict;
  readonly judged: Judged;
  readonly durationMs: number;
}

/** How many servers a round kills, drawn by chance, or the one that leads when it begins. */
export type Victims = number | 'leader';

/**
 * kill -9 and restart in the middle of a write load, round after round on the same cluster, of the servers that
 * `victims` names for each round. Everything that was ever written is audited after each, and the history of some clients
 * is judged: an objection rejects. Victims, order and pauses follow from the seed.
 */
export async function* killRounds(
  cluster: TestCluster,
  startLoad: StartLoad,
  startJudged: StartJudged,
  { victims: plan, seed }: { victims: readonly Victims[]; seed: number },
): AsyncGenerator<Round> {
  const loads: Load[] = [];
  for (const [index, named] of plan.entries()) {
    const number = index + 1;
    const random = new SeededRandom(seed).fork(`round ${number}`);
    const startedAt = performance.now();
    const load = startLoad({ clients: CLIENTS, seed: random.int(0, 2 ** 32 - 1), name: `r${number}` });
    loads.push(load);
    const judged = startJudged({
      clients: JUDGED_CLIENTS,
      seed: random.int(0, 2 ** 32 - 1),
      name: `r${number}`,
    });
    await Promise.all([
      load.untilFurther(WRITES_PER_PART + random.int(0, 50)),
      judged.untilFurther(2 * JUDGED_PER_PART),
    ]);
    const victims = named === 'leader' ? [await leaderOf(cluster)] : drawVictims(cluster.ids, named, random);
    await killAndRestart(cluster, load, judged, victims, random.chance(0.5), random.int(0, 40));
    await load.untilFurther(WRITES_PER_PART);
    await judged.untilFurther(JUDGED_PER_PART);
    await Promise.all([load.stop(), judged.stop()]);
    const verdict = await audit(cluster, ...loads);
    const right = assertJudged(`kill-round-${number}`, judged.events, JUDGED_AT_LEAST);
    const stallMs = Math.max(load.slowestMs, judged.slowestMs());
    yield {
      number,
      victims,
      stallMs,
      load,
      verdict,
      judged: right,
      durationMs: performance.now() - startedAt,
    };
  }
}

function drawVictims(ids: readonly number[], count: number, random: Random): number[] {
  return ids
    .map((id) => ({ id, rank: random.float() }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, count)
    .map(({ id }) => id);
}

async function killAndRestart(
  cluster: TestCluster,
  load: Load,
  judged: JudgedLoad,
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
  if (hasQuorum)
    await Promise.all([load.untilFurther(WRITES_PER_PART), judged.untilFurther(JUDGED_PER_PART)]);
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
