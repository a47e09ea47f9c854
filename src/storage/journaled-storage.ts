import type { Change, Storage } from '../core/environment';
import { compareKeys } from '../core/key-order';
import type { StorageError } from '../core/errors';
import type { Json } from '../core/json';
import { systemFiles, type Files } from './files';
import type { JournalFile } from './journal-file';
import type { JournalRecord, Link } from './journal-record';
import { LmdbStorage } from './lmdb-storage';
import { FOLDED, openJournals, storedState, type Database, type FoldedState } from './open-journals';
import { writeFailure } from './write-failure';

/** To whoever still writes when the storage is closed, its end looks like a crash. */
const NEVER = new Promise<never>(() => undefined);
/** How long a deferred change waits for a write to go with. */
const DEFER_MS = 20;
/** A journal that has grown to this is folded into the database. */
const JOURNAL_BYTES = 4 * 1024 * 1024;
/** Changes that one transaction of a fold takes, so that the event loop gets its turn in between. */
const FOLD_CHANGES = 500;

interface Waiting {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: StorageError) => void;
}

/** One of the two journals, and the changes in it that the database does not hold yet. */
interface Journal {
  readonly file: JournalFile;
  readonly changes: Map<string, Json | undefined>;
  last: Link;
}

/**
 * Durable storage in two journals and an LMDB database. A write is one record at the end of a journal and one sync;
 * writes that are issued while a sync is under way share the next. A full journal is folded into the database while
 * the other one goes on: of keys that change often only the last value ever gets there.
 *
 * A database alone would be simpler, and was: but its commit takes five times the processor time of a record, and three
 * times as long (docs/performance.md).
 *
 * A failed write is final, as for LmdbStorage.
 */
export class JournaledStorage implements Storage {
  /** Resolves when a write failed; the server must stop. */
  readonly failed: Promise<StorageError>;
  readonly #database: Database;
  readonly #journals: readonly [Journal, Journal];
  #active: Journal;
  #lastRecord: Link;
  #state: FoldedState;
  #queue: Waiting[] = [];
  #deferred: Change[] = [];
  #isFlushing = false;
  #folding: Promise<void> = Promise.resolve();
  #flushLater: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();
  #fail!: (error: StorageError) => void;
  #isBroken = false;
  #isClosed = false;

  /**
   * Opens or creates the files in `folder`. Throws DamagedData, or an Error with a sentence or of the system; then nothing
   * is left open.
   */
  constructor(folder: string, database: Database = new LmdbStorage(folder), files: Files = systemFiles) {
    this.#database = database;
    this.failed = new Promise((resolve) => (this.#fail = resolve));
    void database.failed.then((error) => {
      this.#break(error);
    });
    try {
      const { state, older, newer, last } = openJournals(folder, database, files);
      const [full, active] = [journalOf(older, last), journalOf(newer, last)];
      this.#state = state;
      this.#journals = [full, active];
      this.#active = active;
      this.#lastRecord = last;
      if (full.changes.size > 0) this.#folding = this.#fold(full);
      this.#folding.catch(ignore);
    } catch (error) {
      void database.close();
      throw error;
    }
  }

  write(changes: readonly Change[]): Promise<void> {
    if (this.#isClosed) return NEVER;
    if (this.#isBroken) return this.failed.then((error) => Promise.reject(error));
    if (changes.length === 0) return this.#last;
    const all = this.#deferred.length > 0 ? [...this.#deferred.splice(0), ...changes] : changes;
    this.#last = new Promise((resolve, reject) => {
      this.#queue.push({ changes: all, resolve, reject });
    });
    // The rejection reaches whoever waits; a write that nobody waits for fails the server all the same.
    this.#last.catch(ignore);
    if (!this.#isFlushing) {
      this.#isFlushing = true;
      // In a moment, so that writes of one turn share a record.
      void Promise.resolve().then(() => this.#flush());
    }
    return this.#last;
  }

  defer(changes: readonly Change[]): void {
    for (const change of changes) this.#deferred.push(change);
    this.#flushLater ??= setTimeout(() => {
      this.#flushDeferred();
    }, DEFER_MS);
  }

  *read(prefix = ''): Iterable<readonly [string, Json]> {
    const changes = new Map<string, Json | undefined>();
    for (const [key, value] of this.#other.changes) changes.set(key, value);
    for (const [key, value] of this.#active.changes) changes.set(key, value);
    const changed = [...changes]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => compareKeys(a, b));
    let next = 0;
    for (const [key, value] of this.#database.read(prefix)) {
      for (; next < changed.length; next++) {
        const [before = '', change] = changed[next] ?? [];
        if (compareKeys(before, key) >= 0) break;
        if (change !== undefined) yield [before, change];
      }
      if (key !== FOLDED && !changes.has(key)) yield [key, value];
    }
    for (const [key, value] of changed.slice(next)) if (value !== undefined) yield [key, value];
  }

  async close(): Promise<void> {
    this.#flushDeferred();
    this.#isClosed = true;
    await this.#last.catch(ignore);
    await this.#folding.catch(ignore);
    // So that a power loss later on leaves the marks as they are.
    if (!this.#isBroken) await Promise.all(this.#journals.map(({ file }) => file.sync())).catch(ignore);
    await this.#database.close();
    for (const { file } of this.#journals) file.close();
  }

  #flushDeferred(): void {
    clearTimeout(this.#flushLater);
    this.#flushLater = undefined;
    if (this.#deferred.length > 0) this.write(this.#deferred.splice(0)).catch(ignore);
  }

  /** Record after record until nothing waits. */
  async #flush(): Promise<void> {
    try {
      while (this.#queue.length > 0 && !this.#isBroken) {
        if (this.#active.file.end >= JOURNAL_BYTES) await this.#turn();
        const written = this.#queue;
        this.#queue = [];
        const changes = written.flatMap((waiting) => waiting.changes);
        await this.#append(changes, written);
      }
    } catch (error) {
      this.#break(writeFailure(error));
    }
    this.#isFlushing = false;
  }

  async #append(changes: readonly Change[], written: readonly Waiting[]): Promise<void> {
    const journal = this.#active;
    try {
      journal.last = await journal.file.append(this.#lastRecord, changes);
      this.#lastRecord = journal.last;
      this.#other.file.writeMark(journal.last);
    } catch (error) {
      this.#break(writeFailure(error));
      // Also the database may have failed before, for its own reason.
      const reason = await this.failed;
      for (const { reject } of written) reject(reason);
      return;
    }
    for (const { key, value } of changes) journal.changes.set(key, value);
    for (const { resolve } of written) resolve();
  }

  /** The other journal goes on, once all of it is in the database; this one follows it there. */
  async #turn(): Promise<void> {
    await this.#folding;
    const full = this.#active;
    this.#active = this.#other;
    this.#active.file.restart(JOURNAL_BYTES);
    this.#folding = this.#fold(full);
    this.#folding.catch(ignore);
  }

  /** A crash in the middle is harmless: the journal is there until the last transaction says that it is not needed. */
  async #fold(journal: Journal): Promise<void> {
    const changes = [...journal.changes].map(([key, value]) => ({ key, value }));
    for (let from = 0; from < changes.length; from += FOLD_CHANGES)
      await this.#database.write(changes.slice(from, from + FOLD_CHANGES));
    this.#state = { ...this.#state, folded: journal.last };
    await this.#database.write(storedState(this.#state));
    journal.changes.clear();
  }

  get #other(): Journal {
    const [first, second] = this.#journals;
    return this.#active === first ? second : first;
  }

  #break(error: StorageError): void {
    if (!this.#isBroken) this.#fail(error);
    this.#isBroken = true;
    for (const { reject } of this.#queue.splice(0)) reject(error);
  }
}

function ignore(): void {
  // Told elsewhere.
}

function journalOf(
  { file, records }: { readonly file: JournalFile; readonly records: readonly JournalRecord[] },
  last: Link,
): Journal {
  const changes = new Map<string, Json | undefined>();
  for (const record of records) for (const { key, value } of record.changes) changes.set(key, value);
  return { file, changes, last: file.last ?? last };
}
