import type { Slot } from '../core/ballot';
import type { StateRecord } from '../core/state-machine';
import type { Command } from '../kv/commands';
import { KeyValueStore } from '../kv/store';
import type { StateVariation } from './scenario';

/** The state after each slot, by carrying out the chosen commands once more, in a store that is never stored or restored. */
export class ReplayedState {
  readonly #commands: readonly (readonly [slot: Slot, command: Command])[];
  readonly #state: StateVariation;
  #store: KeyValueStore;
  #done = 0;

  /** `commands` grows while the run lasts. */
  constructor(commands: readonly (readonly [slot: Slot, command: Command])[], state: StateVariation) {
    this.#commands = commands;
    this.#state = state;
    this.#store = this.#begin();
  }

  /** Where these records differ from the state as of this slot, entries or sessions; undefined if nowhere. */
  difference(applied: Slot, records: readonly StateRecord[]): string | undefined {
    const expected = new Map(this.#at(applied).map(([key, value]) => [key, JSON.stringify(value)]));
    for (const [key, value] of records) {
      const [is, was] = [JSON.stringify(value), expected.get(key)];
      if (is !== was) return `${key} is ${is} instead of ${was ?? 'absent'}`;
      expected.delete(key);
    }
    const [missing] = expected.keys();
    return missing === undefined ? undefined : `${missing} is absent`;
  }

  /** How many clients were forgotten, and how often a write of one came once more after that. */
  forgetting(): Record<string, number> {
    if (this.#state.sessions === undefined) return {};
    const store = this.#begin();
    const done = new Set<string>();
    const forgotten = new Set<string>();
    let known = new Set<string>();
    let [clients, repeated] = [0, 0];
    for (const [slot, command] of this.#commands) {
      const { session } = command;
      if (session !== null) {
        const name = `${session.client}#${session.sequence}`;
        if (forgotten.has(session.client) && done.has(name)) repeated++;
        done.add(name);
      }
      store.apply(command, slot);
      const before = known;
      known = clientsIn(store);
      for (const client of before)
        if (!known.has(client)) {
          clients++;
          forgotten.add(client);
        }
      for (const client of known) forgotten.delete(client);
    }
    return { 'clients forgotten': clients, 'writes repeated after their client was forgotten': repeated };
  }

  #at(applied: Slot): StateRecord[] {
    const isBehind = (this.#commands[this.#done - 1]?.[0] ?? 0) > applied;
    if (isBehind) {
      this.#store = this.#begin();
      this.#done = 0;
    }
    for (;;) {
      const next = this.#commands[this.#done];
      if (next === undefined || next[0] > applied) return this.#store.snapshot();
      this.#store.apply(next[1], next[0]);
      this.#done++;
    }
  }

  #begin(): KeyValueStore {
    return new KeyValueStore(this.#state.initial, this.#state.sessions);
  }
}

/** Whoever has a result in the store. */
function clientsIn(store: KeyValueStore): Set<string> {
  const clients = new Set<string>();
  for (const [key] of store.snapshot()) {
    const client = /^session\/\d+\/([^]*)$/.exec(key)?.[1];
    if (client !== undefined) clients.add(client);
  }
  return clients;
}
