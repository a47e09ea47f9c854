import type { ApiMethod } from '../api/methods';
import type { Clock, Random } from '../core/environment';

/**
 * Everything of the world that the client touches. `connect` hands in the real one, a simulator its twin; the logic of
 * retries, fail-over and outcomes cannot tell them apart.
 */
export interface ClientEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  /**
   * One request to one server. Resolves with the `result` of the answer, not validated yet. Rejects with AttemptFailed;
   * any other rejection counts as a failure that says nothing about the server. InvalidArgument: no such server.
   */
  call(server: string, method: ApiMethod, params: object, timeoutMs: number): Promise<unknown>;
  /** Gives up all calls in progress and lets go of connections. */
  close(): Promise<void>;
}
