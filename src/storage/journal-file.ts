import type { Change } from '../core/environment';
import { DamagedData } from './damaged-data';
import type { Files, OpenFile } from './files';
import {
  encodeHead,
  encodeMark,
  HEAD_BYTES,
  MARK_AT,
  markIn,
  seedOf,
  whyNotHead,
  type JournalName,
} from './journal-head';
import {
  changesIn,
  encodeRecord,
  RECORD_HEADER,
  recordAt,
  type JournalRecord,
  type Link,
} from './journal-record';

/** Room is made ahead of the records: a sync that need not store a new file length is twice as fast. */
const ROOM_BYTES = 256 * 1024;
/** So much room is always durable behind the last record: a file that ends earlier was cut. */
const MARGIN_BYTES = 64 * 1024;

/**
 * One file of records, one after the other behind its head. It is written over again from the start when its records are
 * needed no more; what is left of older ones is told apart by lower sequence numbers.
 */
export class JournalFile {
  readonly path: string;
  /** The last record that was there when the file was opened, and its place. */
  readonly last: Link | undefined;
  /** How far the other journal is known to be durable. */
  readonly mark: Link | undefined;
  readonly #file: OpenFile;
  readonly #seed: number;
  #end = HEAD_BYTES;
  #shortenTo = Infinity;
  #size: number;
  #records: JournalRecord[] = [];

  /** Makes an empty file, durable but for its name. What was in it is gone. */
  static create(files: Files, path: string, name: JournalName): void {
    const file = files.open(path);
    try {
      file.truncate(0);
      file.write(encodeHead(name), 0);
      file.write(Buffer.alloc(ROOM_BYTES), HEAD_BYTES);
      file.syncNow();
    } finally {
      file.close();
    }
  }

  /** Opens the file and reads its records. Throws DamagedData, or the error of the system. */
  constructor(files: Files, path: string, name: JournalName) {
    this.path = path;
    this.#seed = seedOf(name.disk);
    this.#file = files.open(path);
    try {
      const bytes = this.#file.read();
      this.#size = bytes.length;
      const why = whyNotHead(bytes, name);
      if (why !== undefined) throw new DamagedData(`${path} ${why}`);
      this.mark = markIn(bytes, this.#seed);
      this.#readRecords(bytes);
      this.last = this.#records.at(-1);
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** Those that were read when the file was opened; the file forgets them. */
  takeRecords(): readonly JournalRecord[] {
    return this.#records.splice(0);
  }

  /**
   * Throws if a whole record of a later time than `sequence` lies behind the end. Records are synced one after the other,
   * so a crash leaves at most the last one in pieces, and none behind it: something else has damaged the file, and what
   * was promised is lost.
   */
  refuseRecordsAfter(sequence: number): void {
    const bytes = this.#file.read();
    for (let at = this.#end; at + RECORD_HEADER <= bytes.length; at++) {
      // The last byte of numbers from 1 to 2^53: cheap to look at, and another one almost everywhere.
      const top = bytes[at + 15] ?? 0;
      if (top < 0x3f || top > 0x43) continue;
      if (!(bytes.readDoubleLE(at + 8) > sequence) || recordAt(bytes, at, this.#seed) === undefined) continue;
      throw new DamagedData(`${this.path} is damaged in the middle, at byte ${this.#end}`);
    }
  }

  /**
   * Makes durable what was read: all of it is written again. A record may be in the kernel's memory only, because the
   * process before this one was killed ahead of its sync, or because the sync failed: then the kernel may take for written
   * what is not, and no further sync writes it [Rebello et al., ATC 2020].
   */
  settle(): void {
    this.#file.write(this.#file.read(), 0);
    this.#file.syncNow();
  }

  /** Where the next record goes. */
  get end(): number {
    return this.#end;
  }

  /** From now on records go to the start again. A file that a large record has stretched becomes short, in a moment. */
  restart(mostBytes: number): void {
    this.#end = HEAD_BYTES;
    this.#shortenTo = mostBytes;
  }

  /** Resolves with the record behind `before` when it is durable. One at a time. */
  async append(before: Link, changes: readonly Change[]): Promise<Link> {
    const { bytes, link } = encodeRecord(before, changes, this.#seed);
    await this.#makeRoom(bytes.length);
    this.#file.write(bytes, this.#end);
    this.#end += bytes.length;
    await this.#file.sync();
    this.#shorten();
    return link;
  }

  /** Notes how far the other journal is durable. Nothing waits for this note to be durable itself. */
  writeMark(link: Link): void {
    this.#file.write(encodeMark(link, this.#seed), MARK_AT);
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }

  #readRecords(bytes: Buffer): void {
    let last: JournalRecord | undefined;
    for (;;) {
      const found = recordAt(bytes, this.#end, this.#seed);
      // What follows was written when the file was used before.
      if (found === undefined || (last !== undefined && found.sequence !== last.sequence + 1)) break;
      const { sequence, checksum, previous, end } = found;
      if (last !== undefined && previous !== last.checksum)
        throw new DamagedData(
          `${this.path} is damaged: record ${sequence} does not follow the one before it`,
        );
      last = {
        sequence,
        checksum,
        previous,
        changes: changesIn(bytes.subarray(this.#end + RECORD_HEADER, end)),
      };
      this.#records.push(last);
      this.#end = end;
    }
    if (this.#size < this.#end + MARGIN_BYTES)
      throw new DamagedData(`${this.path} is damaged: it was cut at byte ${this.#size}`);
  }

  /** Not before a new record is durable at the start: without it the older ones would seem to be cut. */
  #shorten(): void {
    const size = Math.max(this.#shortenTo, this.#end + MARGIN_BYTES);
    this.#shortenTo = Infinity;
    if (this.#size <= size) return;
    this.#file.truncate(size);
    this.#size = size;
  }

  /** The room is durable before a record uses it, so that no crash leaves less. */
  async #makeRoom(bytes: number): Promise<void> {
    const needed = this.#end + bytes + MARGIN_BYTES;
    if (needed <= this.#size) return;
    const room = Buffer.alloc(needed + ROOM_BYTES - this.#size);
    this.#file.write(room, this.#size);
    await this.#file.sync();
    this.#size += room.length;
  }
}
