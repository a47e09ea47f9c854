import type { ServerId } from '../core/ballot';
import type { PlannedRequest } from './scenario';
import { SimulatedClient, type ClientParts } from './simulated-client';

export const READ_AND_WRITE: readonly PlannedRequest[] = [
  { afterMs: 0, op: 'get', key: 'hot', read: 'linearizable' },
  { afterMs: 0, op: 'put', key: 'probe' },
];
export const WRITE: readonly PlannedRequest[] = [{ afterMs: 0, op: 'put', key: 'ready' }];

/** A client that asks this server alone. */
export function probeOf(
  parts: Omit<ClientParts, 'plan'>,
  server: ServerId,
  deadlineMs: number,
  requests: readonly PlannedRequest[],
): SimulatedClient {
  const plan = { servers: [server], deadlineMs, attemptTimeoutMs: 5000, broadcast: false, echo: 0, requests };
  return new SimulatedClient({ ...parts, plan });
}
