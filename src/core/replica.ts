import type { Ballot, ServerId, Slot } from './ballot';
import type { Environment } from './environment';
import type { Json } from './json';
import type { QuorumSystem } from './quorum';
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
  /** Who leads, as far as this server knows; null where nobody does, or the protocol has no leader. */
  readonly leader: ServerId | null;
}

/** One server's part in a replicated state machine. */
export interface Replica<Command, Result> {
  /** Recovers from storage, then answers peers and takes part. Does not wait for the peers. */
  start(): Promise<void>;
  /**
   * Has the command chosen and applied, and gives its result.
   * Rejects with OperationError; `definite` tells whether the command surely has no effect.
   * `isRepeatable`: the state machine carries it out once, however often it is chosen.
   */
  submit(command: Command, timeoutMs: number, isRepeatable: boolean): Promise<Result>;
  /**
   * Resolves when the local state holds every command that was answered before this call: a read of the local
   * state after it is linearizable. Rejects with OperationError.
   */
  readBarrier(timeoutMs: number): Promise<void>;
  /** Brings the local state up to what the reachable peers know, within the time given. False: too few answered. */
  catchUp(timeoutMs: number): Promise<boolean>;
  inspect(): ReplicaView;
  /** Before a stop: lets others take over at once what only this server does for them. */
  handOver(): Promise<void>;
  stop(): void;
}

/** For so long a leader's followers elect nobody else, if no clock runs faster or slower than assumed. */
export interface LeaderLease {
  /** On the follower's clock, from the moment it hears a heartbeat. */
  readonly durationMs: number;
  /** The most by which a server's clock may run too fast or too slow, as a share of real time. */
  readonly maxDrift: number;
}

/** What all servers of a cluster agree on before they start, besides the protocol. */
export interface ProtocolSettings {
  readonly quorums: QuorumSystem;
  /** Votes are asked of a smallest phase-2 quorum first, and of the others only when one of it is late or refuses. */
  readonly thrifty: boolean;
  /** Undefined: none. For protocols with a leader. */
  readonly lease?: LeaderLease | undefined;
}

/** A way to agree. */
export interface Protocol {
  readonly name: string;
  create<Command extends Json, Result>(
    environment: Environment,
    machine: StateMachine<Command, Result>,
    settings: ProtocolSettings,
  ): Replica<Command, Result>;
}
