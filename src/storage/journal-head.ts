import { crc32 } from 'node:zlib';
import type { Link } from './journal-record';

/** Whose journal a file is, in its first sector; in its second one, how far the other journal is known to be durable. */
export const HEAD_BYTES = 1024;
export const MARK_AT = 512;
const MAGIC = 'SYNODJNL';
const VERSION = 2;
const DISK_BYTES = 36;
/** Magic, version, position, name of the disk, checksum. */
const DISK_AT = 16;
const CHECKSUM_AT = DISK_AT + DISK_BYTES;

/** Which of the journals of which disk. */
export interface JournalName {
  /** Names the data folder for ever: a UUID. */
  readonly disk: string;
  readonly position: 0 | 1;
}

/** With this every checksum begins, so that a record of another disk is none here. */
export function seedOf(disk: string): number {
  return crc32(disk);
}

export function encodeHead({ disk, position }: JournalName): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(MAGIC, 0, 'latin1');
  head.writeUInt32LE(VERSION, 8);
  head.writeUInt32LE(position, 12);
  head.write(disk, DISK_AT, DISK_BYTES, 'latin1');
  head.writeUInt32LE(crc32(head.subarray(0, CHECKSUM_AT)), CHECKSUM_AT);
  return head;
}

/** Why this is not the beginning of that journal, if so; the end of a sentence about the file. */
export function whyNotHead(bytes: Buffer, { disk, position }: JournalName): string | undefined {
  if (bytes.length < HEAD_BYTES) return `is damaged: it has ${bytes.length} bytes`;
  if (crc32(bytes.subarray(0, CHECKSUM_AT)) !== bytes.readUInt32LE(CHECKSUM_AT))
    return 'is damaged: its first sector is not a head of a journal';
  const version = bytes.readUInt32LE(8);
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC || version !== VERSION)
    return `has the format ${version}, which this version does not know`;
  if (bytes.toString('latin1', DISK_AT, CHECKSUM_AT) !== disk) return 'belongs to another data folder';
  return bytes.readUInt32LE(12) === position ? undefined : 'is a copy of the other journal';
}

/** Tells that the record, in the other journal, is durable. */
export function encodeMark({ sequence, checksum }: Link, seed: number): Buffer {
  const mark = Buffer.alloc(16);
  mark.writeDoubleLE(sequence, 0);
  mark.writeUInt32LE(checksum, 8);
  mark.writeUInt32LE(crc32(mark.subarray(0, 12), seed), 12);
  return mark;
}

/** A mark is never synced, so it may be missing, old, or in pieces: then it tells nothing. */
export function markIn(bytes: Buffer, seed: number): Link | undefined {
  const mark = bytes.subarray(MARK_AT, MARK_AT + 16);
  if (crc32(mark.subarray(0, 12), seed) !== mark.readUInt32LE(12)) return undefined;
  return { sequence: mark.readDoubleLE(0), checksum: mark.readUInt32LE(8) };
}
