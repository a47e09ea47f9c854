import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, ConnectionOptions, System } from './system';
import { keyName } from './workload';

const WRITERS = 32;
const BATCH = 100;
const ATTEMPTS = 5;

/** Makes the keys `from`..`to - 1`. Throws an Error when a server goes on refusing one. */
export async function preload(
  system: System,
  keys: { readonly from: number; readonly to: number },
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<void> {
  const server = system.servers[await system.leader()];
  if (server === undefined) return;
  let next = keys.from;
  const writer = async (connection: Connection): Promise<void> => {
    while (next < keys.to && !signal.aborted) {
      const first = next;
      next = Math.min(keys.to, first + (system.canBatch ? BATCH : 1));
      await create(connection, first, next, signal);
    }
  };
  const connections = Array.from({ length: WRITERS }, () => system.connect(server, options));
  const close = (): void => {
    for (const connection of connections) connection.close();
  };
  signal.addEventListener('abort', close, { once: true });
  try {
    await Promise.all(connections.map(writer));
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
}

async function create(connection: Connection, from: number, to: number, signal: AbortSignal): Promise<void> {
  const operations = Array.from({ length: to - from }, (_, index) => ({
    kind: 'create' as const,
    key: keyName(from + index),
  }));
  let reason: string | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS && !signal.aborted; attempt++) {
    try {
      reason = (await connection.send(operations))?.reason;
      if (reason === undefined) return;
    } catch (error) {
      reason = (error as Error).message;
    }
    await sleep(200 * attempt, undefined, { signal }).catch(() => undefined);
  }
  if (!signal.aborted) throw new Error(`the keys could not be made: ${reason}`);
}
