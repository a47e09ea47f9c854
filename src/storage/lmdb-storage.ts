import { closeSync, existsSync, mkdirSync, openSync, readSync } from 'node:fs';
import { open, type RootDatabase } from 'lmdb';
import type { Change, Storage } from '../core/environment';
import { StorageError } from '../core/errors';
import type { Json } from '../core/json';
import { lockFolder } from './folder-lock';

const EMPTY = Promise.resolve();
/** To whoever still writes when the storage is closed, its end looks like a crash. */
const NEVER = new Promise<never>(() => undefined);
/** How long a deferred change waits for a write to go with. */
const DEFER_MS = 20;
const REASON_WITHIN_MS = 1000;
const ignore = (): void => undefined;
/** LMDB's mark at the head of its files, in the byte order of the machine. */
const MAGIC = { offset: 24, word: 0xbeefc0de };

/** Throws for a file that is not LMDB's: opening one ends the whole process with a segmentation fault. */
function checkFile(path: string): void {
  if (!existsSync(path)) return;
  const head = Buffer.alloc(MAGIC.offset + 4);
  const file = openSync(path, 'r');
  const bytes = readSync(file, head, 0, head.length, 0);
  closeSync(file);
  const marks = [head.readUInt32LE(MAGIC.offset), head.readUInt32BE(MAGIC.offset)];
  if (bytes > 0 && !marks.includes(MAGIC.word)) throw new Error(`${path} is damaged, or no data file`);
}

/** Why a commit failed. LMDB tells it by a promise of its own, which settles soon after the commit or never. */
function reasonOf(error: unknown): Promise<Error> {
  const { commitError } = error as { commitError?: Promise<never> };
  const untold = new Promise<Error>((resolve) => setTimeout(resolve, REASON_WITHIN_MS, error as Error));
  return Promise.race([untold, commitError?.catch((reason: unknown) => reason as Error) ?? untold]);
}

/**
 * Durable storage in one LMDB file. Writes that are issued while a commit is under way share the next one: many
 * writes, one sync. LMDB commits on a thread of its own, so the event loop never waits for the disk.
 *
 * A failed write is final. After a failed sync the kernel may call the pages clean though they never reached the
 * disk, so neither a second try nor a read from memory tells the truth [Rebello et al., ATC 2020].
 */
export class LmdbStorage implements Storage {
  /** Resolves when a write failed; the server must stop. */
  readonly failed: Promise<StorageError>;
  readonly #database: RootDatabase<Json, Buffer>;
  readonly #unlock: () => void;
  #fail!: (error: StorageError) => void;
  readonly #deferred: Change[] = [];
  #flushLater: NodeJS.Timeout | undefined;
  #isBroken = false;
  #isClosed = false;
  #last: Promise<void> = EMPTY;

  /** Opens or creates the file in `folder`. Throws when that is not possible. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#unlock = lockFolder(folder);
    const path = `${folder}/synod.mdb`;
    try {
      checkFile(path);
    } catch (error) {
      this.#unlock();
      throw error;
    }
    this.#database = open<Json, Buffer>({
      path,
      keyEncoding: 'binary',
      encoding: 'json',
      // With overlapping syncs a value whose sync failed would stay readable.
      overlappingSync: false,
      compression: false,
      cache: false,
    });
    // LMDB closes each event turn by an instruction of its own. Right after that, its promise can be had and its
    // rejection handled; left alone it would end the process.
    this.#database.on('beforecommit', () => {
      process.nextTick(() => {
        this.#database.committed.then(ignore, ignore);
      });
    });
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  write(changes: readonly Change[]): Promise<void> {
    if (this.#isClosed) return NEVER;
    if (this.#isBroken) return this.failed.then((error) => Promise.reject(error));
    if (changes.length === 0) return this.#last;
    this.#last = this.#commit([...this.#deferred.splice(0), ...changes]);
    // The rejection reaches whoever waits; a write that nobody waits for fails the server all the same.
    this.#last.catch(() => undefined);
    return this.#last;
  }

  defer(changes: readonly Change[]): void {
    for (const change of changes) this.#deferred.push(change);
    this.#flushLater ??= setTimeout(() => {
      this.#flush();
    }, DEFER_MS);
  }

  *read(prefix = ''): Iterable<readonly [string, Json]> {
    const start = Buffer.from(prefix, 'utf8');
    // No byte of UTF-8 is 255.
    const end = Buffer.concat([start, Buffer.of(0xff)]);
    for (const { key, value } of this.#database.getRange({ start, end })) yield [key.toString('utf8'), value];
  }

  get(key: string): Json | undefined {
    return this.#database.get(Buffer.from(key, 'utf8'));
  }

  async close(): Promise<void> {
    this.#flush();
    this.#isClosed = true;
    await this.#last.catch(() => undefined);
    await this.#database.close();
    this.#unlock();
  }

  #flush(): void {
    clearTimeout(this.#flushLater);
    this.#flushLater = undefined;
    // Whoever waits for a later write learns of a failure, and so does the server.
    if (this.#deferred.length > 0) this.write(this.#deferred.splice(0)).catch(ignore);
  }

  async #commit(changes: readonly Change[]): Promise<void> {
    try {
      const writes: Promise<boolean>[] = [];
      const committed = this.#database.batch(() => {
        for (const { key, value } of changes) {
          const encoded = Buffer.from(key, 'utf8');
          writes.push(
            value === undefined ? this.#database.remove(encoded) : this.#database.put(encoded, value),
          );
        }
      });
      await Promise.all([committed, ...writes]);
    } catch (error) {
      const reason = reasonOf(error);
      if (!this.#isBroken)
        void reason.then((cause) => {
          // A write that ends short on a full disk is an input/output error to LMDB.
          const hint = /input\/output/i.test(cause.message) ? ' (is the disk full, or broken?)' : '';
          this.#fail(
            new StorageError(`writing to the data folder failed: ${cause.message}${hint}`, { cause }),
          );
        });
      this.#isBroken = true;
    }
    // Also when an earlier write failed while this one was under way: nothing after it counts.
    if (this.#isBroken) throw await this.failed;
  }
}
