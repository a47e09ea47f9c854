import { readdirSync, readFileSync } from 'node:fs';
import type { TestCluster } from '../helpers/cluster';

/** What one server process holds. */
export interface Resources {
  /** Memory of its own, without the pages of the data file. */
  readonly anonymousMib: number;
  readonly descriptors: number;
}

/** From /proc, so on Linux only. */
export function resourcesOf(cluster: TestCluster, id: number): Resources {
  const { pid } = cluster.process(id);
  if (pid === undefined) throw new Error(`server ${id} does not run`);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]);
  return { anonymousMib: kib / 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}
