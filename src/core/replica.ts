import type { Ballot, Slot } from './ballot';
import type { Environment } from './environment';
import type { Json } from './json';
import type { StateMachine } from './state-machine';

/** What can be seen of a replica at one moment: plain data for status, metrics, the dashboard and the checkers. */
export interface ReplicaView {
  /** All slots up to this one are applied. */
  readonly applied: Slot;
  /** The highest slot known to be chosen. */
  readonly highestChosen: Slot;
  /** Slots below this one are known only by their effect on the state. */
  readonly floor: Slot;
  readonly pending: number;
  readonly highestPromised: Ballot;
}

/** One server's part in a replicated state machine. */
export interface Replica<Command, Result> {
  /** Recovers from storage, then answers peers and takes part. Does not wait for the peers. */
  start(): Promise<void>;
  /**
   * Has the command chosen and applied, and gives its result.
   * Rejects with OperationError; `definite` tells whether the command surely has no effect.
   */
  submit(command: Command, timeoutMs: number): Promise<Result>;
  /**
   * Resolves when the local state holds every command that was answered before this call: a read of the local
   * state after it is linearizable. Rejects with OperationError.
   */
  readBarrier(timeoutMs: number): Promise<void>;
  /** Brings the local state up to what the reachable peers know, within the time given. False: too few answered. */
  catchUp(timeoutMs: number): Promise<boolean>;
  inspect(): ReplicaView;
  stop(): void;
}

/** A way to agree. */
export interface Protocol {
  readonly name: string;
  create<Command extends Json, Result>(
    environment: Environment,
    machine: StateMachine<Command, Result>,
  ): Replica<Command, Result>;
}
