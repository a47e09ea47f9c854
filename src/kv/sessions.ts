import type { Change } from '../core/environment';
import type { Json } from '../core/json';
import type { StateRecord } from '../core/state-machine';
import type { Session, Stale, Write, WriteResult } from './commands';

/** Results kept of one client. A client may have this many writes under way at a time. */
export const WINDOW = 64;

/** Of what is kept of the clients that wrote in the current epoch. At these limits it is time to begin another one. */
export interface SessionLimits {
  readonly clients: number;
  /** Of their results. */
  readonly characters: number;
  /** Of one result, 1024 by default: a larger one is not kept. Part of what the log means, so the same on every server. */
  readonly resultCharacters?: number;
}

export const SESSION_LIMITS = { clients: 20_000, characters: 64 * 1024 * 1024, resultCharacters: 1024 };

const PREFIX = 'session/';
const EPOCH = 'session-epoch';
/** What a result weighs besides its text, in characters. */
const BASE_CHARACTERS = 64;

/** When a write was carried out, and since when its client was known then. Left out in data of version 0.1: 0. */
type Times = { readonly epoch?: number; readonly opened?: number };
/** A swap found what it expected, so that need not be kept. `large`: carried out, and its result was too large. */
type Kept = Times &
  (
    | Exclude<WriteResult, { op: 'compareAndSet' }>
    | { readonly op: 'compareAndSet'; readonly swapped: true; readonly slot: number }
    | Extract<WriteResult, { op: 'compareAndSet' }>
    | { readonly op: 'large' }
  );

interface Client {
  readonly results: Map<number, Kept>;
  /** The epoch that its first write named. */
  readonly opened: number;
  highest: number;
  characters: number;
}

function sizeOf(kept: Kept): number {
  return BASE_CHARACTERS + ('actual' in kept ? (kept.actual?.length ?? 0) : 0);
}

function recordKey(client: string, sequence: number): string {
  return `${PREFIX}${String(sequence).padStart(16, '0')}/${client}`;
}

/** The first result, as it was told. */
function toldOf(kept: Kept, write: Write): WriteResult | undefined {
  switch (kept.op) {
    case 'put':
      return { op: 'put', replaced: kept.replaced, slot: kept.slot };
    case 'delete':
      return { op: 'delete', deleted: kept.deleted, slot: kept.slot };
    case 'compareAndSet': {
      const expected = write.op === 'compareAndSet' ? write.expect : null;
      const actual = 'actual' in kept ? kept.actual : expected;
      return { op: 'compareAndSet', swapped: kept.swapped, actual, slot: kept.slot };
    }
    case 'large':
      return undefined;
  }
}

/**
 * Remembers the results of each client's last writes, so that a write that is chosen again (sent twice, or to two
 * servers) gets its first result and changes nothing [Ongaro, Consensus, 6.3]. Part of the replicated state.
 *
 * Clients are forgotten by one command only, `forget`, which ends an epoch; every write names the epoch that its client
 * knew at the beginning. No write takes effect twice:
 * - A write that names epoch e is carried out in an epoch x >= e only.
 * - Its client is forgotten by the `forget` that begins an epoch y >= x + 2, never before. Until then its result, or
 *   the highest sequence of its client, tells that it was carried out.
 * - A second copy in epoch z >= y finds its client unknown, and is refused since e <= x <= z - 2; or known anew, since a
 *   write that named an epoch of y - 1 at least, and is refused since e <= x < y - 1.
 *
 * Who is forgotten follows from what each client wrote between which two `forget`, and from nothing else: it is the
 * same under any order of the commands that keeps the order of each client's writes and of all against every `forget`.
 */
export class Sessions {
  readonly #limits: SessionLimits;
  #epoch = 0;
  /** By the epoch of the last new write: the current one, and the one before. */
  #current = new Map<string, Client>();
  #previous = new Map<string, Client>();
  /** Of the results of `#current`. */
  #characters = 0;
  readonly #changes = new Map<string, Kept | number | undefined>();

  constructor(limits: SessionLimits = SESSION_LIMITS) {
    this.#limits = limits;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Clients whose writes are told from new ones. */
  get size(): number {
    return this.#current.size + this.#previous.size;
  }

  /** Whether it is time to begin another epoch. */
  get isFull(): boolean {
    return this.#isFilled(1);
  }

  /** Whether a write of this client can be taken without growing far beyond the limits. */
  hasRoomFor(client: string): boolean {
    return this.#clientOf(client) !== undefined || !this.#isFilled(2);
  }

  /** The first result of this write, `stale` if that cannot be told any more, undefined if the write is new. */
  find({ client, sequence, epoch = 0 }: Session, write: Write): WriteResult | Stale | undefined {
    // Only a made-up epoch is ahead. Carried out now, the write could be taken for a new one after it was forgotten.
    if (epoch > this.#epoch) return this.#stale('epoch');
    const known = this.#clientOf(client);
    if (known === undefined) return epoch < this.#epoch - 1 ? this.#stale('epoch') : undefined;
    if (epoch < known.opened) return this.#stale('epoch');
    const kept = known.results.get(sequence);
    if (kept !== undefined) return toldOf(kept, write) ?? this.#stale('sequence');
    return sequence <= known.highest - WINDOW ? this.#stale('sequence') : undefined;
  }

  /** Remembers the result of a new write. */
  remember({ client, sequence, epoch = 0 }: Session, result: WriteResult): void {
    const known = this.#clientOf(client) ?? newClient(epoch);
    const kept = { ...this.#keptOf(result), epoch: this.#epoch, opened: known.opened } as Kept;
    if (this.#previous.delete(client) || !this.#current.has(client)) {
      this.#current.set(client, known);
      this.#characters += known.characters;
    }
    const before = known.characters;
    add(known, sequence, kept);
    this.#changes.set(recordKey(client, sequence), kept);
    for (const old of known.results.keys()) if (old <= known.highest - WINDOW) this.#drop(client, known, old);
    this.#characters += known.characters - before;
  }

  /** Begins the next epoch, if this one is the current, and forgets who has not written since the last one began. */
  forget(epoch: number): void {
    if (epoch !== this.#epoch) return;
    this.#epoch++;
    for (const [client, { results }] of this.#previous)
      for (const sequence of results.keys()) this.#changes.set(recordKey(client, sequence), undefined);
    this.#previous = this.#current;
    this.#current = new Map();
    this.#characters = 0;
    this.#changes.set(EPOCH, this.#epoch);
  }

  takeChanges(): Change[] {
    const changes = [...this.#changes].map(([key, value]) => ({ key, value }));
    this.#changes.clear();
    return changes;
  }

  /** In the same order on every server and in every incarnation: a peer may fetch it in pieces. */
  snapshot(): StateRecord[] {
    const records: StateRecord[] = this.#epoch > 0 ? [[EPOCH, this.#epoch]] : [];
    for (const clients of [this.#previous, this.#current])
      for (const [client, { results }] of clients)
        for (const [sequence, kept] of results) records.push([recordKey(client, sequence), kept]);
    return records.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  clear(): void {
    this.#epoch = 0;
    this.#current.clear();
    this.#previous.clear();
    this.#characters = 0;
    this.#changes.clear();
  }

  /** Takes back one record of a snapshot; false if it is none of this class. */
  restore(key: string, value: Json): boolean {
    if (key === EPOCH) {
      this.#epoch = value as number;
      return true;
    }
    if (!key.startsWith(PREFIX)) return false;
    const separator = key.indexOf('/', PREFIX.length);
    const sequence = Number(key.slice(PREFIX.length, separator));
    const client = key.slice(separator + 1);
    const kept = value as unknown as Kept;
    const known = this.#current.get(client) ?? newClient(kept.opened ?? 0);
    this.#current.set(client, known);
    add(known, sequence, kept);
    return true;
  }

  /** After the last record: tells apart who wrote in the current epoch, and who in the one before. */
  restored(): void {
    for (const [client, known] of this.#current) {
      const last = Math.max(...[...known.results.values()].map(({ epoch = 0 }) => epoch));
      if (last === this.#epoch) this.#characters += known.characters;
      else {
        this.#current.delete(client);
        this.#previous.set(client, known);
      }
    }
  }

  #clientOf(client: string): Client | undefined {
    return this.#current.get(client) ?? this.#previous.get(client);
  }

  #isFilled(times: number): boolean {
    const { clients, characters } = this.#limits;
    return this.#current.size >= times * clients || this.#characters >= times * characters;
  }

  #stale(because: Stale['because']): Stale {
    return { op: 'stale', because, epoch: this.#epoch };
  }

  #keptOf(result: WriteResult): Kept {
    if (result.op !== 'compareAndSet') return result;
    if (result.swapped) return { op: result.op, swapped: true, slot: result.slot };
    const { resultCharacters = SESSION_LIMITS.resultCharacters } = this.#limits;
    return (result.actual?.length ?? 0) > resultCharacters ? { op: 'large' } : result;
  }

  #drop(client: string, known: Client, sequence: number): void {
    const kept = known.results.get(sequence);
    if (kept === undefined) return;
    known.results.delete(sequence);
    known.characters -= sizeOf(kept);
    this.#changes.set(recordKey(client, sequence), undefined);
  }
}

function newClient(opened: number): Client {
  return { results: new Map(), opened, highest: 0, characters: 0 };
}

function add(client: Client, sequence: number, kept: Kept): void {
  client.results.set(sequence, kept);
  client.highest = Math.max(client.highest, sequence);
  client.characters += sizeOf(kept);
}
