import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Operation } from './system';
import { Tally, type LoadResult } from './tally';

/** After a request without an answer: its server may be gone, and trying again at once would only burn the processor. */
export const PAUSE_MS = 100;

export interface LoadPlan {
  /** One per client. Those of a load that is interrupted are closed. */
  readonly connections: readonly Connection[];
  readonly durationMs: number;
  /** Requests that each client has in flight at most. */
  readonly lanes: number;
  /** Operations in each request, at most. */
  readonly batch: number;
  readonly next: () => Operation;
  /** Ends the load early. */
  readonly signal: AbortSignal;
}

/** Each client sends its next request when an earlier one is answered: the rate follows the servers. */
export async function closedLoop(plan: LoadPlan): Promise<LoadResult> {
  const { connections, durationMs, lanes, batch, next, signal } = plan;
  const tally = new Tally();
  const endAtMs = tally.startedAtMs + durationMs;
  const lane = async (connection: Connection): Promise<void> => {
    while (performance.now() < endAtMs && !signal.aborted) {
      const operations = Array.from({ length: batch }, next);
      const sentAtMs = performance.now();
      const since = operations.map(() => sentAtMs);
      try {
        tally.answered(since, await connection.send(operations));
      } catch (error) {
        tally.unanswered(since, (error as Error).message);
        await sleep(PAUSE_MS);
      }
    }
  };
  const all = connections.flatMap((connection) => Array.from({ length: lanes }, () => connection));
  await closingOnAbort(plan, () => Promise.all(all.map(lane)));
  return tally.result();
}

/** While the load runs, an abort closes the connections, so that nobody waits for an answer any longer. */
export async function closingOnAbort(plan: LoadPlan, load: () => Promise<unknown>): Promise<void> {
  const close = (): void => {
    for (const connection of plan.connections) connection.close();
  };
  plan.signal.addEventListener('abort', close, { once: true });
  try {
    await load();
  } finally {
    plan.signal.removeEventListener('abort', close);
  }
}
