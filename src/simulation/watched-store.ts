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
  readonly #digestSlots: number;
  /** Called before the whole state is replaced: at a restart, and when a snapshot is installed. */
  onRestore: () => void = () => undefined;

  /** Its digest is asked for after every so many slots. */
  constructor(
    server: ServerId,
    oracle: Oracle,
    digestSlots: number,
    limits?: SessionLimits,
    initial: StateVariation['initial'] = [],
  ) {
    super(initial, limits);
    this.#server = server;
    this.#oracle = oracle;
    this.#digestSlots = digestSlots;
  }

  override apply(command: Command, slot: number): Result {
    const result = super.apply(command, slot);
    const digest = slot % this.#digestSlots === 0 ? this.digest : undefined;
    this.#oracle.applied(this.#server, slot, command, result, digest);
    return result;
  }

  override restore(records: Iterable<StateRecord>): void {
    this.onRestore();
    super.restore(records);
    this.#oracle.restored(this.#server);
  }
}
