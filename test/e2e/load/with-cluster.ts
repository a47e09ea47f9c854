import { startCluster, type TestCluster, type TestClusterOptions } from '../helpers/cluster';
import { JudgedLoad, type JudgedPlan } from './judged-load';
import { Load, type LoadPlan } from './load';

/** Starts a load on all servers; `stop()` is the test's own, but no load outlives its cluster. */
export type StartLoad = (plan: Omit<LoadPlan, 'addresses'>) => Load;
/** The same of a load whose history is judged. */
export type StartJudged = (plan: Omit<JudgedPlan, 'addresses'> & Partial<JudgedPlan>) => JudgedLoad;

/** Runs `work` on a fresh cluster that is ready, and ends cluster and loads however `work` ends. */
export async function withCluster(
  options: TestClusterOptions,
  work: (cluster: TestCluster, startLoad: StartLoad, startJudged: StartJudged) => Promise<void>,
): Promise<void> {
  const cluster = await startCluster(options);
  const loads: { abandon(): Promise<void> }[] = [];
  const started = <Started extends { abandon(): Promise<void> }>(load: Started): Started => {
    loads.push(load);
    return load;
  };
  const { addresses } = cluster;
  try {
    await work(
      cluster,
      (plan) => started(new Load({ addresses, ...plan })),
      (plan) => started(new JudgedLoad({ addresses, ...plan })),
    );
  } finally {
    await Promise.all(loads.map((load) => load.abandon()));
    await cluster.close();
  }
}
