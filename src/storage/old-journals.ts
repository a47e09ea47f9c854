import { crc32 } from 'node:zlib';
import type { Change } from '../core/environment';
import { DamagedData } from './damaged-data';
import type { Files } from './files';
import { changesIn } from './journal-record';

/** Of version 0.1: length of the text and checksum (4 bytes each), sequence number (8). A file had no head. */
const HEADER = 16;

interface OldFile {
  readonly path: string;
  readonly bytes: Buffer;
  readonly first: number;
  readonly last: number;
  readonly end: number;
  readonly changes: readonly Change[];
}

/**
 * What the journals of version 0.1 hold behind record `folded`, in the order in which it was written. Throws DamagedData
 * where version 0.1 would have refused them.
 */
export function readOldJournals(files: Files, paths: readonly string[], folded: number): Change[] {
  const [older, newer] = paths
    .map((path) => readOldFile(files, path, folded))
    .sort((a, b) => a.last - b.last) as [OldFile, OldFile];
  let before = folded;
  for (const { first, last } of [older, newer]) {
    if (first > before + 1)
      throw new DamagedData(`records ${before + 1} to ${first - 1} of the journals are missing`);
    before = Math.max(before, last);
  }
  if (newer.last < folded)
    throw new DamagedData(`the journals end at record ${newer.last}, before what the database holds`);
  for (const file of [older, newer]) refuseRecordsAfter(file, newer.last);
  return [...older.changes, ...newer.changes];
}

function readOldFile(files: Files, path: string, folded: number): OldFile {
  const file = files.open(path);
  const bytes = file.read();
  file.close();
  const changes: Change[] = [];
  let [first, last, end] = [0, 0, 0];
  for (;;) {
    const next = endOfRecord(bytes, end);
    if (next === undefined) break;
    const sequence = bytes.readDoubleLE(end + 8);
    // What follows was written when the file was used before.
    if (last > 0 && sequence !== last + 1) break;
    if (sequence > folded) changes.push(...changesIn(bytes.subarray(end + HEADER, next)));
    first ||= sequence;
    [last, end] = [sequence, next];
  }
  return { path, bytes, first, last, end, changes };
}

/** Whether a whole record of version 0.1 begins there. */
export function isOldJournal(bytes: Buffer): boolean {
  return endOfRecord(bytes, 0) !== undefined;
}

function endOfRecord(bytes: Buffer, at: number): number | undefined {
  if (at + HEADER > bytes.length) return undefined;
  const length = bytes.readUInt32LE(at);
  const end = at + HEADER + length;
  if (length === 0 || end > bytes.length) return undefined;
  return crc32(bytes.subarray(at + 8, end)) === bytes.readUInt32LE(at + 4) ? end : undefined;
}

function refuseRecordsAfter({ path, bytes, end }: OldFile, sequence: number): void {
  for (let at = end; at + HEADER <= bytes.length; at++)
    if (bytes.readDoubleLE(at + 8) > sequence && endOfRecord(bytes, at) !== undefined)
      throw new DamagedData(`${path} is damaged in the middle, at byte ${end}`);
}
