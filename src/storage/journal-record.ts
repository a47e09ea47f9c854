import { crc32 } from 'node:zlib';
import type { Change } from '../core/environment';
import type { Json } from '../core/json';

/** Length of the text and checksum (4 bytes each), sequence number (8), checksum of the record before (4); little-endian. */
export const RECORD_HEADER = 20;

/** A record as the next one refers to it. */
export interface Link {
  readonly sequence: number;
  readonly checksum: number;
}

/** What one write of the disk holds: all of it or nothing. */
export interface JournalRecord extends Link {
  /** The checksum of the record before it, wherever that is. */
  readonly previous: number;
  readonly changes: readonly Change[];
}

export interface FoundRecord extends Link {
  readonly previous: number;
  readonly end: number;
}

/** A stored change: a key without a value deletes. */
type StoredChange = readonly [key: string] | readonly [key: string, value: Json];

/** The record behind `before`. All checksums begin with `seed`, which differs from folder to folder. */
export function encodeRecord(
  before: Link,
  changes: readonly Change[],
  seed: number,
): { readonly bytes: Buffer; readonly link: Link } {
  const stored = changes.map(({ key, value }): StoredChange => (value === undefined ? [key] : [key, value]));
  const text = JSON.stringify(stored);
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(RECORD_HEADER + length);
  const sequence = before.sequence + 1;
  bytes.writeUInt32LE(length, 0);
  bytes.writeDoubleLE(sequence, 8);
  bytes.writeUInt32LE(before.checksum, 16);
  bytes.write(text, RECORD_HEADER);
  const checksum = crc32(bytes.subarray(8), seed);
  bytes.writeUInt32LE(checksum, 4);
  return { bytes, link: { sequence, checksum } };
}

/** The record that begins there, if a whole one does. */
export function recordAt(bytes: Buffer, at: number, seed: number): FoundRecord | undefined {
  if (at + RECORD_HEADER > bytes.length) return undefined;
  const length = bytes.readUInt32LE(at);
  const end = at + RECORD_HEADER + length;
  if (length === 0 || end > bytes.length) return undefined;
  const checksum = bytes.readUInt32LE(at + 4);
  if (crc32(bytes.subarray(at + 8, end), seed) !== checksum) return undefined;
  return { sequence: bytes.readDoubleLE(at + 8), checksum, previous: bytes.readUInt32LE(at + 16), end };
}

export function changesIn(text: Buffer): Change[] {
  const stored = JSON.parse(text.toString('utf8')) as StoredChange[];
  return stored.map(([key, value]) => ({ key, value }));
}
