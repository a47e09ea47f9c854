import type { Change, Random } from '../../../src/core/environment';
import type { StorageError } from '../../../src/core/errors';
import type { Json } from '../../../src/core/json';
import type { Files, OpenFile } from '../../../src/storage/files';
import type { Database } from '../../../src/storage/open-journals';

type Operation = { readonly position: number; readonly bytes: Buffer } | { readonly truncatedTo: number };

/** A file: what processes see, what a power loss leaves for sure, and what was done to it in between. */
interface Inode {
  seen: Buffer;
  durable: Buffer;
  unsynced: Operation[];
}

const SECTORS = [1, 64, 512];

function done(content: Buffer, operation: Operation): Buffer {
  if ('truncatedTo' in operation) {
    const { truncatedTo } = operation;
    return Buffer.concat([content.subarray(0, truncatedTo)], truncatedTo);
  }
  const { position, bytes } = operation;
  const after = Buffer.concat([content], Math.max(content.length, position + bytes.length));
  bytes.copy(after, position);
  return after;
}

/** What of a write may reach the disk: its beginning, its end, or any of its sectors. */
function torn({ position, bytes }: { position: number; bytes: Buffer }, random: Random): Operation[] {
  const cut = random.int(0, bytes.length);
  if (random.chance(0.3)) return [{ position, bytes: bytes.subarray(0, cut) }];
  if (random.chance(0.3)) return [{ position: position + cut, bytes: bytes.subarray(cut) }];
  const sector = SECTORS[random.int(0, SECTORS.length - 1)] ?? 1;
  const parts: Operation[] = [];
  for (let at = position; at < position + bytes.length;) {
    const end = Math.min(position + bytes.length, (Math.floor(at / sector) + 1) * sector);
    if (random.chance(0.5))
      parts.push({ position: at, bytes: bytes.subarray(at - position, end - position) });
    at = end;
  }
  return parts;
}

/** What happened to unsynced operations: all of one kind, or each for itself. */
type Fate = 'lost' | 'kept' | 'torn' | 'mixed';

/**
 * The disk under a data folder. Processes see all that was done to it. A power loss leaves what was synced, and of the rest
 * any part: writes kept, lost and torn, each whatever became of those before it; sizes with them; names of new files or not.
 * The database is LMDB's promise alone: transactions in their order, each of them whole or not at all.
 */
export class ModelDisk {
  readonly names = new Map<string, Inode>();
  readonly durableNames = new Set<string>();
  /** Durable transactions, as one state; those that are under way. */
  database = new Map<string, Json>();
  readonly transactions: (readonly Change[])[] = [];
  /** Called whenever a power loss would find the disk in another state. */
  onEvent: () => void = () => undefined;
  /** Journals of which the database holds everything. */
  folds = 0;
  /** The next sync of a journal fails, and nothing will write what it should have written. */
  failsNextSync = false;

  afterPowerLoss(random: Random): ModelDisk {
    const disk = new ModelDisk();
    const fates = ['lost', 'kept', 'torn', 'mixed'] as const;
    const fate = fates[random.int(0, fates.length - 1)] ?? 'mixed';
    const keeps = (): boolean => fate === 'kept' || (fate !== 'lost' && random.chance(0.5));
    for (const [path, inode] of this.names) {
      if (!this.durableNames.has(path) && !keeps()) continue;
      const durable = contentAfter(inode, fate, keeps, random);
      disk.names.set(path, { seen: durable, durable, unsynced: [] });
      disk.durableNames.add(path);
    }
    disk.database = new Map(this.database);
    for (const changes of this.transactions.slice(0, random.int(0, this.transactions.length)))
      applyTo(disk.database, changes);
    return disk;
  }
}

function contentAfter(
  { durable, unsynced }: Inode,
  fate: Fate,
  keeps: () => boolean,
  random: Random,
): Buffer {
  let content = durable;
  for (const operation of unsynced) {
    const isTorn = fate === 'torn' || (fate === 'mixed' && random.chance(0.5));
    const parts = isTorn && 'bytes' in operation ? torn(operation, random) : keeps() ? [operation] : [];
    for (const part of parts) content = done(content, part);
  }
  return content;
}

export function applyTo(state: Map<string, Json>, changes: readonly Change[]): void {
  for (const { key, value } of changes) {
    if (value === undefined) state.delete(key);
    else state.set(key, value);
  }
}

/** A process on the disk. Killed, it does nothing more. */
export class ModelProcess implements Files {
  readonly #disk: ModelDisk;
  readonly #random: Random;
  #isDead = false;

  constructor(disk: ModelDisk, random: Random) {
    this.#disk = disk;
    this.#random = random;
  }

  kill(): void {
    this.#isDead = true;
  }

  exists(path: string): boolean {
    return this.#disk.names.has(path);
  }

  syncFolder(): void {
    for (const path of this.#disk.names.keys()) this.#disk.durableNames.add(path);
    this.#disk.onEvent();
  }

  open(path: string): OpenFile {
    const empty: Inode = { seen: Buffer.alloc(0), durable: Buffer.alloc(0), unsynced: [] };
    const inode = this.#disk.names.get(path) ?? empty;
    this.#disk.names.set(path, inode);
    const operate = (operation: Operation): void => {
      if (this.#isDead) return;
      inode.seen = done(inode.seen, operation);
      inode.unsynced.push(operation);
      this.#disk.onEvent();
    };
    const syncNow = (): void => {
      if (this.#isDead) return;
      if (this.#disk.failsNextSync) {
        this.#disk.failsNextSync = false;
        inode.unsynced = [];
        throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
      }
      for (const operation of inode.unsynced.splice(0)) inode.durable = done(inode.durable, operation);
      this.#disk.onEvent();
    };
    return {
      path,
      size: () => inode.seen.length,
      read: () => Buffer.from(inode.seen),
      write: (bytes, position) => {
        operate({ position, bytes: Buffer.from(bytes) });
      },
      truncate: (truncatedTo) => {
        operate({ truncatedTo });
      },
      sync: async () => {
        await this.#aWhile(6);
        syncNow();
      },
      syncNow,
      close: () => undefined,
    };
  }

  /** Slow at times: then a journal is full before the other one is folded. */
  get database(): Database {
    const disk = this.#disk;
    const slowness = this.#random.chance(0.3) ? 60 : 8;
    let before = Promise.resolve();
    const write = async (changes: readonly Change[]): Promise<void> => {
      await before;
      await this.#aWhile(slowness);
      this.#commit(changes);
    };
    return {
      failed: new Promise<StorageError>(() => undefined),
      get: (key) => disk.database.get(key),
      read: (prefix) =>
        [...disk.database]
          .filter(([key]) => key.startsWith(prefix ?? ''))
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      write: (changes) => {
        if (!this.#isDead) disk.transactions.push(changes);
        return (before = write(changes));
      },
      writeNow: (changes) => {
        disk.transactions.push(changes);
        disk.onEvent();
        this.#commit(changes);
      },
      close: () => before,
    };
  }

  #commit(changes: readonly Change[]): void {
    if (this.#isDead) return;
    applyTo(this.#disk.database, changes);
    if (changes[0]?.key === 'journal/folded') this.#disk.folds++;
    this.#disk.transactions.shift();
    this.#disk.onEvent();
  }

  async #aWhile(mostTurns: number): Promise<void> {
    for (let turns = this.#random.int(0, mostTurns); turns > 0; turns--) await Promise.resolve();
    if (this.#isDead) await new Promise<never>(() => undefined);
  }
}
