import BTree from 'sorted-btree';
import type { Change } from '../core/environment';
import type { StateMachine, StateRecord } from '../core/state-machine';
import type { Command, Result, Session } from './commands';
import { Digest } from './digest';
import { compareKeys } from './key-order';
import { Sessions } from './sessions';

const PREFIX = 'entry/';

export interface ListOptions {
  readonly prefix: string;
  /** Only keys after this one. */
  readonly after?: string | undefined;
  readonly limit: number;
  /** Stop early when keys and values reach this many characters; one entry always fits. */
  readonly maxCharacters: number;
}

export interface Listing {
  readonly entries: { key: string; value: string }[];
  /** Whether further entries match. */
  readonly more: boolean;
}

/** The replicated key/value store: what the log of commands drives. */
export class KeyValueStore implements StateMachine<Command, Result> {
  readonly #entries = new BTree<string, string>(undefined, compareKeys);
  readonly #sessions = new Sessions();
  readonly #digest = new Digest();
  readonly #changed = new Map<string, string | undefined>();

  constructor(initial: Iterable<readonly [key: string, value: string]> = []) {
    for (const [key, value] of initial) this.#set(key, value);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Equal for stores with equal entries, whatever led to them. Sessions do not count. */
  get digest(): string {
    return this.#digest.toString();
  }

  get(key: string): string | undefined {
    return this.#entries.get(key);
  }

  /** The result of this write, if it was carried out and is still remembered. */
  resultOf(session: Session): Result | undefined {
    return this.#sessions.resultOf(session);
  }

  list({ prefix, after, limit, maxCharacters }: ListOptions): Listing {
    const entries: { key: string; value: string }[] = [];
    const start = after !== undefined && compareKeys(after, prefix) > 0 ? after : prefix;
    let characters = 0;
    for (const [key, value] of this.#entries.entries(start)) {
      if (key === after) continue;
      if (!key.startsWith(prefix)) break;
      characters += key.length + value.length;
      if (entries.length === limit || (entries.length > 0 && characters > maxCharacters))
        return { entries, more: true };
      entries.push({ key, value });
    }
    return { entries, more: false };
  }

  apply(command: Command, slot: number): Result {
    const { session } = command;
    if (session === null) return this.#execute(command, slot);
    const first = this.#sessions.find(session, slot);
    if (first !== undefined) return first;
    const result = this.#execute(command, slot);
    this.#sessions.remember(session, result);
    return result;
  }

  takeChanges(): Change[] {
    const changes: Change[] = [];
    for (const [key, value] of this.#changed) changes.push({ key: PREFIX + key, value });
    this.#changed.clear();
    return [...changes, ...this.#sessions.takeChanges()];
  }

  snapshot(): StateRecord[] {
    const records: StateRecord[] = [];
    this.#entries.forEachPair((key, value) => {
      records.push([PREFIX + key, value]);
    });
    return [...records, ...this.#sessions.snapshot()];
  }

  restore(records: Iterable<StateRecord>): void {
    this.#entries.clear();
    this.#sessions.clear();
    this.#digest.clear();
    for (const [key, value] of records)
      if (!this.#sessions.restore(key, value)) this.#set(key.slice(PREFIX.length), value as string);
    this.#sessions.restored();
    this.#changed.clear();
  }

  #execute(command: Command, slot: number): Result {
    const { key } = command;
    const actual = this.#entries.get(key);
    switch (command.op) {
      case 'put':
        this.#set(key, command.value);
        return { op: 'put', replaced: actual !== undefined, slot };
      case 'delete':
        this.#remove(key);
        return { op: 'delete', deleted: actual !== undefined, slot };
      case 'compareAndSet': {
        const swapped = (actual ?? null) === command.expect;
        if (swapped && command.value === null) this.#remove(key);
        else if (swapped && command.value !== null) this.#set(key, command.value);
        return { op: 'compareAndSet', swapped, actual: actual ?? null, slot };
      }
    }
  }

  #set(key: string, value: string): void {
    this.#remove(key);
    this.#entries.set(key, value);
    this.#digest.toggle(key, value);
    this.#changed.set(key, value);
  }

  #remove(key: string): void {
    const before = this.#entries.get(key);
    if (before === undefined) return;
    this.#entries.delete(key);
    this.#digest.toggle(key, before);
    this.#changed.set(key, undefined);
  }
}
