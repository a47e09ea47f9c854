import type { TestCluster } from '../helpers/cluster';
import { RawClient } from './raw-client';
import { resourcesOf, type Resources } from './resources';

const BATCH = 128;
const KEYS = 1000;
const TIMEOUT_MS = 60_000;

/** After a tenth of the operations. */
export interface Tenth {
  readonly operations: number;
  readonly operationsPerSecond: number;
  /** Of each server that runs. */
  readonly resources: readonly Resources[];
}

/**
 * So many puts, in JSON-RPC batches to one server after the other, and what the servers hold after every tenth.
 * Rejects when one fails.
 */
export async function* soak(
  cluster: TestCluster,
  operations: number,
  /** Of the clients: one that comes again with numbers of old would get old results. */
  name: string,
  servers: readonly number[] = cluster.ids,
): AsyncGenerator<Tenth> {
  const raw = new RawClient(cluster.addresses, 1);
  try {
    let done = 0;
    for (let tenth = 1; tenth <= 10; tenth++) {
      const startedAt = performance.now();
      const before = done;
      while (done < (operations * tenth) / 10) {
        const calls = Array.from({ length: BATCH }, (_, i) => put(name, done + i));
        const server = servers[(done / BATCH) % servers.length] ?? 0;
        const succeeded = await raw.batch(server, calls, TIMEOUT_MS);
        if (succeeded < BATCH)
          throw new Error(`${BATCH - succeeded} of ${BATCH} puts failed at server ${server}`);
        done += BATCH;
      }
      const seconds = (performance.now() - startedAt) / 1000;
      const resources = servers.map((id) => resourcesOf(cluster, id));
      yield { operations: done, operationsPerSecond: (done - before) / seconds, resources };
    }
  } finally {
    await raw.close();
  }
}

function put(name: string, number: number): { method: string; params: unknown } {
  const params = {
    ...{ key: `soak/${number % KEYS}`, value: `${number} `.padEnd(100, 'v') },
    // As many clients as a real cluster has over time, each with a few writes.
    ...{ client: `${name}-${Math.floor(number / 10)}`, sequence: (number % 10) + 1 },
  };
  return { method: 'kv.put', params };
}

/** How much the hungriest server grew from one point to another. */
export function growth(from: Tenth, to: Tenth): Resources {
  const most = (of: (resources: Resources) => number): number =>
    Math.max(...to.resources.map((after, i) => of(after) - of(from.resources[i] ?? after)));
  return {
    anonymousMib: most(({ anonymousMib }) => anonymousMib),
    descriptors: most(({ descriptors }) => descriptors),
  };
}
