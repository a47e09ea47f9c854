import { chmodSync, closeSync, existsSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { open, type RootDatabase } from 'lmdb';
import type { Change, Storage } from '../core/environment';
import type { StorageError } from '../core/errors';
import type { Json } from '../core/json';
import { DamagedData } from './damaged-data';
import { makeFolder } from './files';
import { lockFolder } from './folder-lock';
import { checkLmdbFile } from './lmdb-file';
import { writeFailure } from './write-failure';

const EMPTY = Promise.resolve();
/** To whoever still writes when the storage is closed, its end looks like a crash. */
const NEVER = new Promise<never>(() => undefined);
/** How long a deferred change waits for a write to go with. */
const DEFER_MS = 20;
const REASON_WITHIN_MS = 1000;
const ignore = (): void => undefined;
/** More than LMDB's own lock file has, and more than the first pages of a new data file. */
const RESERVED_BYTES = 64 * 1024;
/** Begins a stored value: the checksum of key and text follows (4 bytes), then the text. No JSON begins so. */
const CHECKED = 1;
const VALUE_HEADER = 5;

/** LMDB keeps no checksums of its own. */
function encodeValue(key: Buffer, value: Json): Buffer {
  const text = JSON.stringify(value);
  const bytes = Buffer.allocUnsafe(VALUE_HEADER + Buffer.byteLength(text));
  bytes.write(text, VALUE_HEADER);
  bytes.writeUInt8(CHECKED, 0);
  bytes.writeUInt32LE(crc32(bytes.subarray(VALUE_HEADER), crc32(key)), 1);
  return bytes;
}

/** Values of version 0.1 are text alone. */
function decodeValue(bytes: Buffer): Json {
  return JSON.parse(bytes.toString('utf8', bytes[0] === CHECKED ? VALUE_HEADER : 0)) as Json;
}

function isWhole(key: Buffer, value: Buffer): boolean {
  if (value[0] === CHECKED && value.length > VALUE_HEADER)
    return crc32(value.subarray(VALUE_HEADER), crc32(key)) === value.readUInt32LE(1);
  try {
    decodeValue(value);
    return true;
  } catch {
    return false;
  }
}

/** Throws DamagedData, or the error of the system, ahead of LMDB: with either it would end the whole process by a signal. */
function checkFiles(folder: string, path: string): void {
  if (existsSync(path))
    checkLmdbFile(path, (key, value) => {
      if (!isWhole(key, value))
        throw new DamagedData(
          `${path} is damaged: the value of ${JSON.stringify(key.toString('utf8'))} is another`,
        );
    });
  // LMDB maps its lock file, too, and writes to it by the mapping: it must be on the disk before.
  reserve(`${path}-lock`);
  const probe = `${folder}/synod.probe`;
  try {
    reserve(probe);
  } finally {
    rmSync(probe, { force: true });
  }
}

function reserve(path: string): void {
  const file = openSync(path, 'w', 0o600);
  try {
    for (let at = 0; at < RESERVED_BYTES;)
      at += writeSync(file, Buffer.alloc(RESERVED_BYTES), 0, RESERVED_BYTES - at, at);
    fdatasyncSync(file);
  } finally {
    closeSync(file);
  }
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
  readonly #database: RootDatabase<Buffer, Buffer>;
  readonly #unlock: () => void;
  #fail!: (error: StorageError) => void;
  readonly #deferred: Change[] = [];
  #flushLater: NodeJS.Timeout | undefined;
  #isBroken = false;
  #isClosed = false;
  #last: Promise<void> = EMPTY;

  /**
   * Opens or creates the file in `folder`, for this process alone. Throws DamagedData, or an Error with a sentence or of the
   * system.
   */
  constructor(folder: string) {
    makeFolder(folder);
    this.#unlock = lockFolder(folder);
    const path = `${folder}/synod.mdb`;
    try {
      checkFiles(folder, path);
      this.#database = openDatabase(path);
    } catch (error) {
      this.#unlock();
      throw error;
    }
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
    for (const { key, value } of this.#database.getRange({ start, end }))
      yield [key.toString('utf8'), decodeValue(value)];
  }

  get(key: string): Json | undefined {
    const value = this.#database.get(Buffer.from(key, 'utf8'));
    return value === undefined ? undefined : decodeValue(value);
  }

  /** Writes, and returns when it is durable. At start only. Throws the error of the system. */
  writeNow(changes: readonly Change[]): void {
    this.#database.transactionSync(() => {
      for (const { key, value } of changes) {
        const encoded = Buffer.from(key, 'utf8');
        if (value === undefined) this.#database.removeSync(encoded);
        else this.#database.putSync(encoded, encodeValue(encoded, value));
      }
    });
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
            value === undefined
              ? this.#database.remove(encoded)
              : this.#database.put(encoded, encodeValue(encoded, value)),
          );
        }
      });
      await Promise.all([committed, ...writes]);
    } catch (error) {
      const reason = reasonOf(error);
      if (!this.#isBroken)
        void reason.then((cause) => {
          // LMDB may have printed the failure by itself, without a line end.
          process.stderr.write('\n');
          this.#fail(writeFailure(cause));
        });
      this.#isBroken = true;
    }
    // Also when an earlier write failed while this one was under way: nothing after it counts.
    if (this.#isBroken) throw await this.failed;
  }
}

function openDatabase(path: string): RootDatabase<Buffer, Buffer> {
  // LMDB would make the file readable for all, and version 0.1 let it.
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  return open<Buffer, Buffer>({
    path,
    keyEncoding: 'binary',
    encoding: 'binary',
    // With overlapping syncs a value whose sync failed would stay readable.
    overlappingSync: false,
    compression: false,
    cache: false,
  });
}
