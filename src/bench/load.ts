import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { Pool } from 'undici';
import { formatAddress, type Address } from '../network/address';

export interface LoadPlan {
  readonly targets: readonly Address[];
  readonly clients: number;
  readonly durationMs: number;
  readonly valueBytes: number;
  readonly keys: number;
  /** Ends the load early. */
  readonly signal: AbortSignal;
}

export interface LoadResult {
  readonly operations: number;
  readonly errors: number;
  readonly durationMs: number;
  /** Latency of each operation, in nanoseconds. */
  readonly latency: RecordableHistogram;
}

interface Answer {
  readonly error?: { readonly message: string };
}

/**
 * Closed loop: each client sends one put after another, to one server, over a connection of its own. Lean on purpose,
 * since it shares the machine with the servers.
 */
export async function closedLoop(plan: LoadPlan): Promise<LoadResult> {
  const latency = createHistogram();
  const value = 'v'.repeat(plan.valueBytes);
  let errors = 0;
  const pools = plan.targets.map(
    (target) => new Pool(`http://${formatAddress(target)}`, { connections: plan.clients, pipelining: 1 }),
  );
  const startedAt = performance.now();
  const endAt = startedAt + plan.durationMs;

  const client = async (number: number): Promise<void> => {
    const pool = pools[number % pools.length];
    if (pool === undefined) return;
    for (let i = 0; performance.now() < endAt && !plan.signal.aborted; i++) {
      const key = `bench-${(number * 7919 + i) % plan.keys}`;
      const sentAt = process.hrtime.bigint();
      const answer = await put(pool, key, value, plan.signal).catch((error: unknown): Answer => ({
        error: error as Error,
      }));
      latency.record(process.hrtime.bigint() - sentAt);
      if (answer.error !== undefined) errors++;
    }
  };
  await Promise.all(Array.from({ length: plan.clients }, (_, number) => client(number)));
  const durationMs = performance.now() - startedAt;
  await Promise.all(pools.map((pool) => pool.destroy()));
  return { operations: latency.count - errors, errors, durationMs, latency };
}

async function put(pool: Pool, key: string, value: string, signal: AbortSignal): Promise<Answer> {
  const { body } = await pool.request({
    path: '/rpc',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'kv.put', params: { key, value } }),
    signal,
    headersTimeout: 10_000,
    bodyTimeout: 10_000,
  });
  return (await body.json()) as Answer;
}

/** What the servers have spent so far, summed over all of them. */
export interface Spent {
  /** Messages between servers, requests and answers. */
  readonly messages: number;
  readonly cpuSeconds: number;
}

/** Reads the servers' own counters. */
export async function spent(servers: readonly Address[]): Promise<Spent> {
  let messages = 0;
  let cpuSeconds = 0;
  for (const server of servers) {
    const response = await fetch(`http://${formatAddress(server)}/metrics`, {
      signal: AbortSignal.timeout(10_000),
    });
    for (const line of (await response.text()).split('\n')) {
      const value = Number(line.split(' ').at(-1));
      if (line.startsWith('synod_messages_total{') && line.includes('direction="sent"')) messages += value;
      if (line.startsWith('process_cpu_seconds_total ')) cpuSeconds += value;
    }
  }
  return { messages, cpuSeconds };
}

/** Throws an Error that names the first server that does not answer, or is not ready. */
export async function checkReady(servers: readonly Address[]): Promise<void> {
  for (const server of servers) {
    const name = formatAddress(server);
    const response = await fetch(`http://${name}/readyz`, { signal: AbortSignal.timeout(5000) }).catch(
      () => undefined,
    );
    if (response === undefined) throw new Error(`${name} does not answer`);
    if (!response.ok) throw new Error(`${name} is not ready: ${(await response.text()).trim()}`);
  }
}
