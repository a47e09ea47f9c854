import type { Change } from '../core/environment';
import { invariant } from '../core/invariant';
import type { Json } from '../core/json';
import type { StateRecord } from '../core/state-machine';
import type { Result, Session } from './commands';

/** Results kept of one client. A client may have this many writes under way at a time. */
export const WINDOW = 64;

export interface SessionLimits {
  readonly clients: number;
  /** Of the results kept, in characters. */
  readonly characters: number;
}

/** Those of every server: who is forgotten follows from the log and from these. */
export const LIMITS: SessionLimits = { clients: 10_000, characters: 64 * 1024 * 1024 };
const PREFIX = 'session/';

interface Client {
  readonly results: Map<number, Result>;
  highest: number;
  lastSlot: number;
  characters: number;
}

function newClient(): Client {
  return { results: new Map(), highest: 0, lastSlot: 0, characters: 0 };
}

function sizeOf(result: Result): number {
  return 64 + (result.op === 'compareAndSet' ? (result.actual?.length ?? 0) : 0);
}

function recordKey(client: string, sequence: number): string {
  return `${PREFIX}${String(sequence).padStart(16, '0')}/${client}`;
}

/**
 * Remembers the results of each client's last writes, so that a write that is chosen again (sent twice, or to two
 * servers) gets its first result and changes nothing. Part of the replicated state: who is forgotten, and when,
 * depends on the log alone, never on a clock.
 */
export class Sessions {
  readonly #limits: SessionLimits;
  /** In the order of the last new write, oldest first. */
  readonly #clients = new Map<string, Client>();
  readonly #changes = new Map<string, Result | undefined>();
  #characters = 0;

  constructor(limits: SessionLimits = LIMITS) {
    this.#limits = limits;
  }

  /** The result of this write, if it is remembered. */
  resultOf({ client, sequence }: Session): Result | undefined {
    return this.#clients.get(client)?.results.get(sequence);
  }

  /** The first result of this write, `stale` if it is too old to tell, undefined if the write is new. */
  find({ client, sequence }: Session, slot: number): Result | undefined {
    const result = this.resultOf({ client, sequence });
    if (result !== undefined) return result;
    const known = this.#clients.get(client);
    return known !== undefined && sequence <= known.highest - WINDOW ? { op: 'stale', slot } : undefined;
  }

  /** Remembers the result of a new write and forgets what the limits do not allow. */
  remember(session: Session, result: Result): void {
    const { client, sequence } = session;
    const known = this.#clients.get(client) ?? newClient();
    this.#clients.delete(client);
    this.#clients.set(client, known);
    this.#add(known, sequence, result);
    this.#changes.set(recordKey(client, sequence), result);
    for (const old of known.results.keys()) if (old <= known.highest - WINDOW) this.#drop(client, known, old);
    while (
      this.#clients.size > 1 &&
      (this.#clients.size > this.#limits.clients || this.#characters > this.#limits.characters)
    )
      this.#forgetOldest();
  }

  takeChanges(): Change[] {
    const changes = [...this.#changes].map(([key, value]) => ({ key, value }));
    this.#changes.clear();
    return changes;
  }

  /** In the same order on every server and in every incarnation: a peer may fetch it in pieces. */
  snapshot(): StateRecord[] {
    const records: StateRecord[] = [];
    for (const [client, { results }] of this.#clients)
      for (const [sequence, result] of results) records.push([recordKey(client, sequence), result]);
    return records.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  clear(): void {
    this.#clients.clear();
    this.#characters = 0;
    this.#changes.clear();
  }

  /** Takes back one record of a snapshot; false if it is none of this class. */
  restore(key: string, value: Json): boolean {
    if (!key.startsWith(PREFIX)) return false;
    const separator = key.indexOf('/', PREFIX.length);
    const sequence = Number(key.slice(PREFIX.length, separator));
    const client = key.slice(separator + 1);
    const known = this.#clients.get(client) ?? newClient();
    this.#clients.set(client, known);
    this.#add(known, sequence, value as unknown as Result);
    return true;
  }

  /** After the last record: brings the clients into the order in which they are forgotten. */
  restored(): void {
    const inOrder = [...this.#clients].sort(([, a], [, b]) => a.lastSlot - b.lastSlot);
    this.#clients.clear();
    for (const [client, known] of inOrder) this.#clients.set(client, known);
  }

  #add(known: Client, sequence: number, result: Result): void {
    known.results.set(sequence, result);
    known.highest = Math.max(known.highest, sequence);
    known.lastSlot = Math.max(known.lastSlot, result.slot);
    known.characters += sizeOf(result);
    this.#characters += sizeOf(result);
  }

  #drop(client: string, known: Client, sequence: number): void {
    const result = known.results.get(sequence);
    invariant(result !== undefined, 'a dropped result was kept');
    known.results.delete(sequence);
    known.characters -= sizeOf(result);
    this.#characters -= sizeOf(result);
    this.#changes.set(recordKey(client, sequence), undefined);
  }

  #forgetOldest(): void {
    const [oldest] = this.#clients;
    if (oldest === undefined) return;
    const [client, known] = oldest;
    for (const sequence of [...known.results.keys()]) this.#drop(client, known, sequence);
    this.#clients.delete(client);
  }
}
