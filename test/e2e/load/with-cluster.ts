import { startCluster, type TestCluster, type TestClusterOptions } from '../helpers/cluster';
import { Load, type LoadPlan } from './load';

/** Starts a load on all servers; `stop()` is the test's own, but no load outlives its cluster. */
export type StartLoad = (plan: Omit<LoadPlan, 'addresses'>) => Load;

/** Runs `work` on a fresh cluster that is ready, and ends cluster and loads however `work` ends. */
export async function withCluster(
  options: TestClusterOptions,
  work: (cluster: TestCluster, startLoad: StartLoad) => Promise<void>,
): Promise<void> {
  const cluster = await startCluster(options);
  const loads: Load[] = [];
  try {
    await work(cluster, (plan) => {
      const load = new Load({ addresses: cluster.addresses, ...plan });
      loads.push(load);
      return load;
    });
  } finally {
    await Promise.all(loads.map((load) => load.abandon()));
    await cluster.close();
  }
}
