import type { ServerId } from '../../src/core/ballot';
import type { Change } from '../../src/core/environment';
import type { Json } from '../../src/core/json';
import { slotKey } from '../../src/core/keys';
import type { StateMachine, StateRecord } from '../../src/core/state-machine';
import type { Observer } from '../../src/simulation/observer';

/** A state machine that keeps every command it applied, in order, and shows each step to the observer. */
export class LogMachine implements StateMachine<string, number> {
  readonly #server: ServerId;
  readonly #observer: Observer;
  #log: string[] = [];
  #unstored = 0;

  constructor(server: ServerId, observer: Observer) {
    this.#server = server;
    this.#observer = observer;
  }

  get log(): readonly string[] {
    return this.#log;
  }

  /** The position of the command in the log, from 0. */
  apply(command: string): number {
    const position = this.#log.push(command) - 1;
    this.#observer.execute(this.#server, position, command);
    return position;
  }

  takeChanges(): Change[] {
    const changes = this.#records(this.#unstored).map(([key, value]) => ({ key, value }));
    this.#unstored = this.#log.length;
    return changes;
  }

  snapshot(): readonly StateRecord[] {
    return this.#records(0);
  }

  restore(records: Iterable<StateRecord>): void {
    this.#log = [...records].map(([, command]) => command as string);
    this.#unstored = this.#log.length;
    this.#observer.restore(this.#server, this.#log);
  }

  #records(from: number): [string, Json][] {
    return this.#log.slice(from).map((command, index) => [slotKey('entry/', from + index), command]);
  }
}
