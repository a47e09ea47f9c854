import type { Cancel, Change, Storage } from '../core/environment';
import { StorageError } from '../core/errors';
import type { Json } from '../core/json';
import { compareKeys } from '../core/key-order';
import type { Place, Scheduler } from './virtual-time';

interface PendingWrite {
  readonly changes: readonly { readonly key: string; readonly text: string | undefined }[];
  readonly durable: () => void;
  readonly failed: (error: StorageError) => void;
}

const DEFER_MS = 20;

/** Moments at a disk when a crash hurts most. Nothing happens at them outside of a simulation. */
export type DiskPoint = 'write-issued' | 'write-durable';

/** A server's disk: a write is pending until it is synced, and a crash loses what is pending. */
export class Disk {
  readonly #scheduler: Scheduler;
  readonly #place: Place;
  readonly #gate: (run: () => void) => void;
  readonly #durable = new Map<string, string>();
  #pending: PendingWrite[] = [];
  #deferred: Change[] = [];
  #isStalled = false;
  #failing: { readonly keepsFirst: boolean } | undefined;
  #failure: StorageError | undefined;
  #crashes = 0;
  /** Writes that are durable, while a paused server has not heard of it yet. */
  #unheard = 0;
  /** How long the next write takes to become durable, if those before it have. */
  syncMs: () => number = () => 0.1;
  /** Called at each point, before the writer hears of it. */
  onPoint: (point: DiskPoint) => void = () => undefined;
  /** Called when a write fails for the first time: the server must stop. */
  onFailed: (error: StorageError) => void = () => undefined;

  /** `gate` runs it when the machine runs. */
  constructor(scheduler: Scheduler, place: Place, gate: (run: () => void) => void) {
    this.#scheduler = scheduler;
    this.#place = place;
    this.#gate = gate;
  }

  get pendingWrites(): number {
    return this.#pending.length;
  }

  /** Whether a sync has failed: the server is about to stop. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether a crash now may lose something. */
  get hasUnsynced(): boolean {
    return this.#pending.length > 0 || this.#deferred.length > 0;
  }

  /** What a restart would find under the key, as text. */
  durableText(key: string): string | undefined {
    return this.#durable.get(key);
  }

  /** What a restart would find under the keys that begin like this, in no order. */
  *durableKeys(prefix: string): Iterable<string> {
    for (const key of this.#durable.keys()) if (key.startsWith(prefix)) yield key;
  }

  /** The disk as one incarnation of the server sees it. */
  storage(): Storage {
    return {
      write: (changes) => this.#write(changes),
      defer: (changes) => {
        this.#defer(changes);
      },
      read: (prefix = '') => this.#read(prefix),
    };
  }

  /** From now on nothing becomes durable. */
  stall(): Cancel {
    this.#isStalled = true;
    return () => {
      this.#isStalled = false;
      this.#sync(this.#pending.length);
    };
  }

  /** The next sync fails, and every write after it. Nobody can tell whether its first write is durable all the same. */
  failNextSync(keepsFirst: boolean): void {
    this.#failing = { keepsFirst };
  }

  /** The next sync will not fail after all. */
  repair(): void {
    this.#failing = undefined;
  }

  /** Loses the pending writes but the first `kept`: what reached the platter before the power went. Gives the number lost. */
  crash(kept: number): number {
    for (const write of this.#pending.slice(0, kept)) this.#commit(write);
    const lost = Math.max(0, this.#pending.length - kept);
    this.#pending = [];
    this.#deferred = [];
    this.#isStalled = false;
    this.#failing = undefined;
    this.#failure = undefined;
    this.#unheard = 0;
    this.#crashes++;
    return lost;
  }

  /** Another disk, empty, stands where this one was. To be called after `crash`. */
  wipe(): void {
    this.#durable.clear();
  }

  #defer(changes: readonly Change[]): void {
    this.#deferred.push(...changes);
    this.#after(DEFER_MS, () => {
      if (this.#deferred.length > 0) this.#write(this.#deferred.splice(0)).catch(() => undefined);
    });
  }

  #write(added: readonly Change[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (added.length === 0 && this.#pending.length === 0 && this.#unheard === 0) return Promise.resolve();
    const changes = added.length === 0 ? added : [...this.#deferred.splice(0), ...added];
    return new Promise((resolve, reject) => {
      const write: PendingWrite = {
        changes: changes.map(({ key, value }) => ({
          key,
          text: value === undefined ? undefined : JSON.stringify(value),
        })),
        durable: resolve,
        failed: reject,
      };
      this.#pending.push(write);
      this.onPoint('write-issued');
      this.#after(this.syncMs(), () => {
        if (!this.#isStalled) this.#sync(this.#pending.indexOf(write) + 1);
      });
    });
  }

  #after(delayMs: number, run: () => void): void {
    this.#scheduler.after(delayMs, run, 'write', this.#place);
  }

  #sync(count: number): void {
    if (count > 0 && this.#failing !== undefined) {
      this.#fail(this.#failing.keepsFirst);
      return;
    }
    const incarnation = this.#crashes;
    for (let left = count; left > 0; left--) {
      const write = this.#pending.shift();
      if (write === undefined) return;
      this.#commit(write);
      this.onPoint('write-durable');
      // The server may have crashed at this point: nobody hears of the write, and the crash has seen to the rest.
      if (this.#crashes !== incarnation) return;
      this.#unheard++;
      this.#gate(() => {
        this.#unheard--;
        write.durable();
      });
    }
  }

  #fail(keepsFirst: boolean): void {
    const failure = new StorageError('the disk failed a sync');
    this.#failure = failure;
    const lost = this.#pending.splice(0);
    if (keepsFirst && lost[0] !== undefined) this.#commit(lost[0]);
    this.#gate(() => {
      for (const write of lost) write.failed(failure);
      this.onFailed(failure);
    });
  }

  #commit({ changes }: PendingWrite): void {
    for (const { key, text } of changes)
      if (text === undefined) this.#durable.delete(key);
      else this.#durable.set(key, text);
  }

  *#read(prefix: string): Generator<readonly [string, Json]> {
    const keys = [...this.#durable.keys()].filter((key) => key.startsWith(prefix));
    for (const key of keys.sort(compareKeys)) {
      const text = this.#durable.get(key);
      if (text !== undefined) yield [key, JSON.parse(text) as Json];
    }
  }
}
