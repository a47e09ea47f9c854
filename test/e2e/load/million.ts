import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestCluster } from '../helpers/cluster';
import { RawClient } from './raw-client';

const BATCH = 500;
/** Of one client of the store: far more than the servers remember of it. */
const WRITES_PER_CLIENT = 1000;
const VALUE_CHARACTERS = 100;
const TIMEOUT_MS = 60_000;

export interface MillionPlan {
  readonly writes: number;
  readonly keys: number;
  readonly connections: number;
  /** The server that gets all of them. */
  readonly to: number;
}

/**
 * So many puts to few keys, in JSON-RPC batches on several connections to one server. Each has a client and a
 * sequence, so that the servers have sessions to keep as well. Yields after each tenth, with the writes done. Rejects
 * when one fails.
 */
export async function* writeMuch(
  cluster: TestCluster,
  { writes, keys, connections, to }: MillionPlan,
): AsyncGenerator<number> {
  const raw = new RawClient(cluster.addresses, connections);
  let next = 0;
  const work = async (upTo: number): Promise<void> => {
    while (next < upTo) {
      const from = next;
      next += WRITES_PER_CLIENT;
      for (let first = from; first < from + WRITES_PER_CLIENT; first += BATCH) {
        const calls = Array.from({ length: BATCH }, (_, i) => put(first + i, keys));
        const succeeded = await raw.batch(to, calls, TIMEOUT_MS);
        if (succeeded < BATCH) throw new Error(`${BATCH - succeeded} of ${BATCH} puts failed`);
      }
    }
  };
  try {
    for (let tenth = 1; tenth <= 10; tenth++) {
      const upTo = Math.ceil((writes * tenth) / 10);
      await Promise.all(Array.from({ length: connections }, () => work(upTo)));
      yield next;
    }
  } finally {
    await raw.close();
  }
}

function put(number: number, keys: number): { method: string; params: unknown } {
  const client = `million-${Math.floor(number / WRITES_PER_CLIENT)}`;
  const params = {
    ...{ key: `million/${number % keys}`, value: `${number} `.padEnd(VALUE_CHARACTERS, 'v') },
    ...{ client, sequence: (number % WRITES_PER_CLIENT) + 1 },
  };
  return { method: 'kv.put', params };
}

/** The size of a server's data, in MiB. */
export function folderMib(cluster: TestCluster, id: number): number {
  const folder = cluster.dataFolder(id);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const bytes = files.map((file) => statSync(join(folder, file))).filter((file) => file.isFile());
  return bytes.reduce((sum, { size }) => sum + size, 0) / 2 ** 20;
}
