import type { Slot } from './ballot';
import type { Change } from './environment';
import type { Json } from './json';

/** One piece of a state machine's state. A state is a set of records with distinct keys. */
export type StateRecord = readonly [key: string, value: Json];

/**
 * What a log of commands drives. Total (a command that cannot be carried out has a result that says so),
 * synchronous and deterministic: the same commands in the same slots give the same state and results everywhere.
 */
export interface StateMachine<Command, Result> {
  apply(command: Command, slot: Slot): Result;
  /** The records that changed since the last call; written to storage in the order of the log. */
  takeChanges(): Change[];
  /** The whole state. It does not change while it is being read. */
  snapshot(): readonly StateRecord[];
  /** Replaces the state by an earlier snapshot's. */
  restore(records: Iterable<StateRecord>): void;
}
