import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import type { Change } from '../core/environment';
import type { Json } from '../core/json';

const sync = promisify(fdatasync);
/** Length of the text and its checksum (4 bytes each), then the sequence number (8); all little-endian. */
const HEADER = 16;
/** Room is made ahead of the records: a sync that need not store a new file length is twice as fast. */
const ROOM_BYTES = 256 * 1024;

/** What one write of the disk holds: all of it or nothing. */
export interface JournalRecord {
  /** One more than that of the record before it, wherever that is. */
  readonly sequence: number;
  readonly changes: readonly Change[];
}

/** A stored change: a key without a value deletes. */
type StoredChange = readonly [key: string] | readonly [key: string, value: Json];

interface Found {
  readonly sequence: number;
  readonly end: number;
}

/**
 * One file of records, one after the other from its start. It is written over again from the start when its records are
 * needed no more; what is left of older ones is told apart by lower sequence numbers.
 */
export class JournalFile {
  /** Sequence numbers of the records that were there when the file was opened. */
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly #path: string;
  readonly #file: number;
  #end: number;
  #size: number;
  #records: JournalRecord[] = [];

  /** Opens or creates the file, and reads the records after number `folded`. Throws when that is not possible. */
  constructor(path: string, folded = 0) {
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    this.#path = path;
    this.#size = fstatSync(this.#file).size;
    const bytes = this.#readAll();
    this.#end = 0;
    for (let found = recordAt(bytes, 0); found !== undefined; found = recordAt(bytes, this.#end)) {
      const { sequence, end } = found;
      // What follows was written when the file was used before.
      if (this.last !== undefined && sequence !== this.last + 1) break;
      if (sequence > folded) this.#records.push({ sequence, changes: changesIn(bytes, this.#end, end) });
      this.first ??= sequence;
      this.last = sequence;
      this.#end = end;
    }
    // A process that was killed may have left the last record in the kernel's memory only.
    fdatasyncSync(this.#file);
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
    const bytes = this.#readAll();
    for (let at = this.#end; at + HEADER <= bytes.length; at++) {
      // The last byte of numbers from 1 to 2^53: cheap to look at, and another one almost everywhere.
      const top = bytes[at + HEADER - 1] ?? 0;
      if (top < 0x3f || top > 0x43) continue;
      if (!(bytes.readDoubleLE(at + 8) > sequence) || recordAt(bytes, at) === undefined) continue;
      throw new Error(`${this.#path} is damaged in the middle, at byte ${this.#end}`);
    }
  }

  /** Where the next record goes. */
  get end(): number {
    return this.#end;
  }

  /** From now on records go to the start again. A file that a large record has stretched becomes short. */
  restart(mostBytes: number): void {
    this.#end = 0;
    if (this.#size <= mostBytes) return;
    ftruncateSync(this.#file, mostBytes);
    this.#size = mostBytes;
  }

  /** Resolves when the record is durable. One at a time. */
  async append({ sequence, changes }: JournalRecord): Promise<void> {
    const stored = changes.map(({ key, value }): StoredChange =>
      value === undefined ? [key] : [key, value],
    );
    const text = JSON.stringify(stored);
    const length = Buffer.byteLength(text);
    const bytes = Buffer.allocUnsafe(HEADER + length);
    bytes.writeUInt32LE(length, 0);
    bytes.writeDoubleLE(sequence, 8);
    bytes.write(text, HEADER);
    bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
    this.#makeRoom(bytes.length);
    this.#writeAll(bytes, this.#end);
    this.#end += bytes.length;
    await sync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#size) return;
    const room = Buffer.alloc(bytes + ROOM_BYTES);
    this.#writeAll(room, this.#end);
    this.#size = this.#end + room.length;
  }

  /** A disk that is almost full takes a part, and refuses the rest. */
  #writeAll(bytes: Buffer, position: number): void {
    for (let written = 0; written < bytes.length;)
      written += writeSync(this.#file, bytes, written, bytes.length - written, position + written);
  }

  #readAll(): Buffer {
    const bytes = Buffer.alloc(this.#size);
    for (let read = 0; read < bytes.length;) {
      const more = readSync(this.#file, bytes, read, bytes.length - read, read);
      if (more === 0) throw new Error(`${this.#path} became shorter while it was read`);
      read += more;
    }
    return bytes;
  }
}

/** Where the record ends that begins there, if a whole one does. */
function recordAt(bytes: Buffer, at: number): Found | undefined {
  if (at + HEADER > bytes.length) return undefined;
  const length = bytes.readUInt32LE(at);
  const end = at + HEADER + length;
  if (length === 0 || end > bytes.length) return undefined;
  if (crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4)) return undefined;
  return { sequence: bytes.readDoubleLE(at + 8), end };
}

function changesIn(bytes: Buffer, at: number, end: number): Change[] {
  const stored = JSON.parse(bytes.toString('utf8', at + HEADER, end)) as StoredChange[];
  return stored.map(([key, value]) => ({ key, value }));
}
