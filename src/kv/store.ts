import BTree from 'sorted-btree';
import type { Change } from '../core/environment';
import type { StateMachine, StateRecord } from '../core/state-machine';
import type { Command, Result, Session, Stale, Write, WriteResult } from './commands';
import { Digest } from './digest';
import { compareKeys } from '../core/key-order';
import { Sessions, type SessionLimits } from './sessions';

const PREFIX = 'entry/';
/** Keys that may have changed since the digest was brought up to date: hot ones cost one hash, not one for each write. */
const MOST_UNDIGESTED = 10_000;
/** Of values, that count as one key more: a replaced one is kept until then, and all are hashed in one turn. */
const UNDIGESTED_CHARACTERS = 1000;

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
  readonly #values = new Map<string, string>();
  /** The keys in order, for lists. Most writes are to keys that are there already, and leave it alone. */
  readonly #keys = new BTree<string, undefined>(undefined, compareKeys);
  readonly #sessions: Sessions;
  readonly #digest = new Digest();
  readonly #changed = new Map<string, string | undefined>();
  /** What the digest still holds of keys that changed since anybody asked for it; undefined: nothing. */
  readonly #digested = new Map<string, string | undefined>();
  #undigested = 0;

  /** `limits`: left out, those of a shipped server. */
  constructor(initial: Iterable<readonly [key: string, value: string]> = [], limits?: SessionLimits) {
    this.#sessions = new Sessions(limits);
    for (const [key, value] of initial) this.#set(key, value);
  }

  get size(): number {
    return this.#values.size;
  }

  /** Equal for stores with equal entries, whatever led to them. Sessions do not count. */
  get digest(): string {
    this.#bringDigestUpToDate();
    return this.#digest.toString();
  }

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** Of clients and their last writes. */
  get sessions(): Pick<Sessions, 'epoch' | 'size' | 'isFull' | 'hasRoomFor'> {
    return this.#sessions;
  }

  /** What the write gives if it is carried out now, where that can be told without carrying it out: it is no new one. */
  find(session: Session, write: Write): WriteResult | Stale | undefined {
    return this.#sessions.find(session, write);
  }

  list({ prefix, after, limit, maxCharacters }: ListOptions): Listing {
    const entries: { key: string; value: string }[] = [];
    const start = after !== undefined && compareKeys(after, prefix) > 0 ? after : prefix;
    let characters = 0;
    for (const key of this.#keys.keys(start)) {
      if (key === after) continue;
      if (!key.startsWith(prefix)) break;
      const value = this.#values.get(key) ?? '';
      characters += key.length + value.length;
      if (entries.length === limit || (entries.length > 0 && characters > maxCharacters))
        return { entries, more: true };
      entries.push({ key, value });
    }
    return { entries, more: false };
  }

  apply(command: Command, slot: number): Result {
    if (command.op === 'forget') {
      this.#sessions.forget(command.epoch);
      return { op: 'forget', epoch: this.#sessions.epoch };
    }
    const { session } = command;
    if (session === null) return this.#execute(command, slot);
    const first = this.#sessions.find(session, command);
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
    // In the order of the keys, on every server and in every incarnation: a peer may fetch it in pieces.
    for (const key of this.#keys.keys()) records.push([PREFIX + key, this.#values.get(key) ?? '']);
    return [...records, ...this.#sessions.snapshot()];
  }

  restore(records: Iterable<StateRecord>): void {
    this.#values.clear();
    this.#keys.clear();
    this.#sessions.clear();
    this.#digest.clear();
    this.#digested.clear();
    for (const [key, value] of records)
      if (!this.#sessions.restore(key, value)) this.#set(key.slice(PREFIX.length), value as string);
    this.#sessions.restored();
    this.#changed.clear();
  }

  #execute(command: Write, slot: number): WriteResult {
    const { key } = command;
    const actual = this.#values.get(key);
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
    const before = this.#values.get(key);
    if (before === undefined) this.#keys.set(key, undefined);
    this.#values.set(key, value);
    this.#noteChange(key, before, value);
  }

  #remove(key: string): void {
    const before = this.#values.get(key);
    if (before === undefined) return;
    this.#values.delete(key);
    this.#keys.delete(key);
    this.#noteChange(key, before, undefined);
  }

  #noteChange(key: string, before: string | undefined, after: string | undefined): void {
    this.#changed.set(key, after);
    this.#undigested += (after?.length ?? 0) / UNDIGESTED_CHARACTERS;
    if (!this.#digested.has(key)) {
      this.#digested.set(key, before);
      this.#undigested += 1 + (before?.length ?? 0) / UNDIGESTED_CHARACTERS;
    }
    if (this.#undigested > MOST_UNDIGESTED) this.#bringDigestUpToDate();
  }

  #bringDigestUpToDate(): void {
    for (const [key, held] of this.#digested) {
      if (held !== undefined) this.#digest.toggle(key, held);
      const now = this.#values.get(key);
      if (now !== undefined) this.#digest.toggle(key, now);
    }
    this.#digested.clear();
    this.#undigested = 0;
  }
}
