import type { TestCluster } from '../helpers/cluster';
import { leaderOf } from '../helpers/leader';
import type { JudgedLoad } from './judged-load';

/** Operations to wait for before, between and after the restarts. */
const OPERATIONS_BETWEEN = 20;

/** One server, stopped cleanly under load and started again. */
export interface Restarted {
  readonly id: number;
  readonly wasLeader: boolean;
  /** Who led after it, if it led. */
  readonly nextLeader: number | null;
  /** From its start until it said "ready", in milliseconds. */
  readonly readyMs: number;
  /** The longest that an operation took which ended meanwhile, in milliseconds. */
  readonly stallMs: number;
}

/**
 * Restarts every server in turn, by SIGTERM, in the middle of a load. Rejects when one ends otherwise than cleanly, or
 * when an operation of the load does not succeed.
 */
export async function* rollingRestart(cluster: TestCluster, load: JudgedLoad): AsyncGenerator<Restarted> {
  await load.untilFurther(OPERATIONS_BETWEEN);
  for (const id of cluster.ids) {
    const from = load.now;
    const wasLeader = (await cluster.status(id)).leader === id;
    const [exit] = await cluster.stop(id);
    if (exit?.code !== 0) throw new Error(`server ${id} did not stop cleanly: ${JSON.stringify(exit)}`);
    const others = cluster.ids.filter((each) => each !== id);
    const nextLeader = wasLeader ? await leaderOf(cluster, others) : null;
    const startedAt = performance.now();
    cluster.launch(id);
    await cluster.untilReady(id);
    const readyMs = performance.now() - startedAt;
    await load.untilFurther(OPERATIONS_BETWEEN);
    const bad = load.ended.find(({ outcome }) => outcome !== 'ok');
    if (bad !== undefined)
      throw new Error(`while server ${id} was restarted, ${JSON.stringify(bad)}. ${load.describe()}`);
    yield { id, wasLeader, nextLeader, readyMs, stallMs: load.slowestMs(from) };
  }
}
