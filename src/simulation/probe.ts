import type { ServerId } from '../core/ballot';
import type { PlannedRequest } from './scenario';
import { SimulatedClient, type ClientParts } from './simulated-client';

export const READ_AND_WRITE: readonly PlannedRequest[] = [
  { afterMs: 0, op: 'get', key: 'hot', read: 'linearizable' },
  { afterMs: 0, op: 'put', key: 'probe' },
];
export const WRITE: readonly PlannedRequest[] = [{ afterMs: 0, op: 'put', key: 'ready' }];

/** How often a probe may be forgotten. */
const MOST_TRIES = 3;

interface ProbePlan {
  readonly server: ServerId;
  /** The number of the client that probes server 0 for this purpose. */
  readonly first: number;
  /** How long it may take. */
  readonly limitMs: number;
  readonly requests: readonly PlannedRequest[];
}

/** Waits until the condition holds, or lets the run fail for want of what it says. */
export type Expect = (what: string, done: () => boolean, limitMs: number) => Promise<void>;

/**
 * A client that asks this server alone succeeds with all requests. Where few clients are remembered, others may make the
 * cluster forget it while it waits: then another one asks.
 */
export async function expectAnswers(
  what: string,
  { server, first, limitMs, requests }: ProbePlan,
  parts: Omit<ClientParts, 'plan' | 'index'>,
  expect: Expect,
): Promise<void> {
  const servers = [server];
  const plan = { servers, deadlineMs: limitMs, attemptTimeoutMs: 5000, broadcast: false, echo: 0, requests };
  for (let tries = 0; tries <= MOST_TRIES; tries++) {
    // There are two purposes: to see whether a server serves, and whether it takes a write when it calls itself ready.
    const index = first + server + tries * 2 * parts.nodes.length;
    const client = new SimulatedClient({ ...parts, index, plan });
    client.start();
    const succeeded = (): boolean => client.succeeded === requests.length;
    await expect(what, () => succeeded() || (client.forgotten > 0 && tries < MOST_TRIES), limitMs);
    if (succeeded() || client.forgotten === 0) return;
    parts.world.load.count('probe that was forgotten');
  }
}
