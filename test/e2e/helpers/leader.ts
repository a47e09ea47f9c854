import type { TestCluster } from './cluster';

/** Waits until these servers (all by default) follow the same one of them, and gives its id. */
export async function leaderOf(cluster: TestCluster, ids: readonly number[] = cluster.ids): Promise<number> {
  let leader = -1;
  await cluster.waitUntil('the servers follow one of them', async () => {
    const seen = (await Promise.all(ids.map((id) => cluster.status(id)))).map((status) => status.leader);
    leader = seen[0] ?? -1;
    if (ids.includes(leader) && seen.every((each) => each === leader)) return true;
    throw new Error(`their leaders: ${seen.join(' ')}`);
  });
  return leader;
}
