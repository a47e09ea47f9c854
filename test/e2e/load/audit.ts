import type { TestCluster } from '../helpers/cluster';
import { JUDGED_PREFIX } from './judged-load';
import type { Load } from './load';

const EXAMPLES = 5;

export interface Verdict {
  readonly acknowledged: number;
  /** Acknowledged writes that are not there, in some store or by what an answer said. */
  readonly lost: readonly string[];
  /** Writes that took effect twice. */
  readonly doubled: readonly string[];
  readonly broken: readonly string[];
  readonly digest: string;
}

/** Everything in one server's store, as it sees it itself. */
export async function contentOf(cluster: TestCluster, id: number): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  for (let after: string | undefined; ;) {
    const page = await cluster.rpc(id, 'kv.list', { limit: 1000, ...(after === undefined ? {} : { after }) });
    for (const { key, value } of page.entries) content.set(key, value);
    after = page.entries.at(-1)?.key;
    if (!page.more) return content;
  }
}

/**
 * Compares every store with what the stopped loads wrote, and all of it is all there is, but for the keys of judged
 * loads. Rejects when the stores do not become equal.
 */
export async function audit(cluster: TestCluster, ...loads: Load[]): Promise<Verdict> {
  return await auditAt(cluster, cluster.ids, ...loads);
}

/** The same for those servers of a cluster that run. */
export async function auditAt(
  cluster: TestCluster,
  ids: readonly number[],
  ...loads: Load[]
): Promise<Verdict> {
  await cluster.waitUntil('no write under way on any server', async () => {
    const all = await Promise.all(ids.map((id) => cluster.status(id)));
    return all.every(({ pending }) => pending === 0);
  });
  const digest = await cluster.waitEqual(ids);
  const lost = loads.flatMap((load) => load.lost);
  const doubled = loads.flatMap((load) => load.doubled);
  const expected = new Map(loads.flatMap((load) => load.models.flatMap((model) => [...model.entries])));
  for (const id of ids) {
    const content = await contentOf(cluster, id);
    for (const [key, value] of expected)
      if (content.get(key) !== value)
        lost.push(`server ${id}: ${key} is ${content.get(key) ?? 'absent'}, not ${value}`);
    for (const [key, value] of content)
      if (!expected.has(key) && !key.startsWith(JUDGED_PREFIX))
        doubled.push(`server ${id}: ${key} is back as ${value}`);
  }
  return {
    acknowledged: loads.reduce((sum, load) => sum + load.acknowledged, 0),
    lost,
    doubled,
    broken: loads.flatMap((load) => load.broken),
    digest,
  };
}

/** `acknowledged N, lost 0, doubled 0`, with examples where there are any. */
export function summary({ acknowledged, lost, doubled, broken }: Verdict): string {
  const counts = [`acknowledged ${acknowledged}`, `lost ${lost.length}`, `doubled ${doubled.length}`];
  if (broken.length > 0) counts.push(`broken ${broken.length}`);
  const examples = [lost, doubled, broken].flatMap((list) => list.slice(0, EXAMPLES));
  return [counts.join(', '), ...examples].join('\n  ');
}

/** Throws unless everything that was acknowledged is there, once. */
export function assertSound(verdict: Verdict, load: Load): void {
  if (verdict.lost.length + verdict.doubled.length + verdict.broken.length > 0)
    throw new Error(`${summary(verdict)}\n  ${load.describe()}`);
}
