import type { Cancel, Change, Storage } from '../../src/core/environment';
import type { Json } from '../../src/core/json';
import type { VirtualTime } from './virtual-time';

interface PendingWrite {
  readonly changes: readonly { readonly key: string; readonly text: string | undefined }[];
  readonly durable: () => void;
}

const DEFER_MS = 20;

/** A server's disk: a write is pending until it is synced, and a crash loses what is pending. */
export class Disk {
  readonly #time: VirtualTime;
  readonly #durable = new Map<string, string>();
  #pending: PendingWrite[] = [];
  #deferred: Change[] = [];
  #isStalled = false;
  /** How long the next write takes to become durable, if those before it have. */
  syncMs: () => number = () => 0.1;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  get pendingWrites(): number {
    return this.#pending.length;
  }

  /** The disk as one incarnation of the server sees it. */
  storage(): Storage {
    return {
      write: (changes) => this.#write(changes),
      defer: (changes) => {
        this.#defer(changes);
      },
      read: () => this.#read(),
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

  /** Loses the pending writes but the first `kept`: what reached the platter before the power went. Gives the number lost. */
  crash(kept: number): number {
    for (const write of this.#pending.slice(0, kept)) this.#commit(write);
    const lost = Math.max(0, this.#pending.length - kept);
    this.#pending = [];
    this.#deferred = [];
    this.#isStalled = false;
    return lost;
  }

  #defer(changes: readonly Change[]): void {
    this.#deferred.push(...changes);
    this.#time.after(DEFER_MS, () => {
      if (this.#deferred.length > 0) void this.#write(this.#deferred.splice(0));
    });
  }

  #write(added: readonly Change[]): Promise<void> {
    if (added.length === 0 && this.#pending.length === 0) return Promise.resolve();
    const changes = added.length === 0 ? added : [...this.#deferred.splice(0), ...added];
    return new Promise((resolve) => {
      const write = {
        changes: changes.map(({ key, value }) => ({
          key,
          text: value === undefined ? undefined : JSON.stringify(value),
        })),
        durable: resolve,
      };
      this.#pending.push(write);
      this.#time.after(this.syncMs(), () => {
        if (!this.#isStalled) this.#sync(this.#pending.indexOf(write) + 1);
      });
    });
  }

  #sync(count: number): void {
    for (const write of this.#pending.splice(0, count)) {
      this.#commit(write);
      write.durable();
    }
  }

  #commit({ changes }: PendingWrite): void {
    for (const { key, text } of changes)
      if (text === undefined) this.#durable.delete(key);
      else this.#durable.set(key, text);
  }

  *#read(): Generator<readonly [string, Json]> {
    for (const key of [...this.#durable.keys()].sort())
      yield [key, JSON.parse(this.#durable.get(key)!) as Json];
  }
}
