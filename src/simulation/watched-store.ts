import type { ServerId } from '../core/ballot';
import type { StateRecord } from '../core/state-machine';
import type { Command, Result } from '../kv/commands';
import type { SessionLimits } from '../kv/sessions';
import { KeyValueStore } from '../kv/store';
import type { Oracle } from './oracle';
import type { StateVariation } from './scenario';

/** The shipped store, which shows the oracle all that it does. */
export class WatchedStore extends KeyValueStore {
  readonly #server: ServerId;
  readonly #oracle: Oracle;
  /** Called before the whole state is replaced: at a restart, and when a snapshot is installed. */
  onRestore: () => void = () => undefined;

  constructor(
    server: ServerId,
    oracle: Oracle,
    limits?: SessionLimits,
    initial: StateVariation['initial'] = [],
  ) {
    super(initial, limits);
    this.#server = server;
    this.#oracle = oracle;
  }

  override apply(command: Command, slot: number): Result {
    const result = super.apply(command, slot);
    this.#oracle.applied(this.#server, slot, command, result, this.digest);
    return result;
  }

  override restore(records: Iterable<StateRecord>): void {
    this.onRestore();
    super.restore(records);
    this.#oracle.restored(this.#server);
  }
}
