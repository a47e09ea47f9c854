import { randomUUID } from 'node:crypto';
import type { Change } from '../core/environment';
import type { Json } from '../core/json';
import { DamagedData } from './damaged-data';
import type { Files } from './files';
import { JournalFile } from './journal-file';
import { HEAD_BYTES } from './journal-head';
import type { JournalRecord, Link } from './journal-record';
import type { LmdbStorage } from './lmdb-storage';
import { isOldJournal, readOldJournals } from './old-journals';

/** Where the database keeps what it knows of the journals. Version 0.1 kept a number there, and refuses anything else. */
export const FOLDED = 'journal/folded';

/** The state of the journals, in the database. */
export interface FoldedState {
  /** Names the data folder for ever. */
  readonly disk: string;
  /** The last record that is in the database; number 0 is that of an empty journal. */
  readonly folded: Link;
  /** False: the files have yet to be made, and what they hold does not count. */
  readonly areMade: boolean;
}

/** What the journals need of the database. */
export type Database = Pick<LmdbStorage, 'failed' | 'get' | 'read' | 'write' | 'writeNow' | 'close'>;

interface Opened {
  readonly file: JournalFile;
  /** Those that the database does not hold yet. */
  readonly records: readonly JournalRecord[];
}

/** Both journals, and which of them goes on. */
export interface OpenedJournals {
  readonly state: FoldedState;
  readonly older: Opened;
  readonly newer: Opened;
  readonly last: Link;
}

/** Opens the two journals, or makes them in a new folder. Throws DamagedData, or the error of the system. */
export function openJournals(folder: string, database: Database, files: Files): OpenedJournals {
  const paths = [`${folder}/journal-0.log`, `${folder}/journal-1.log`] as const;
  const state = stateIn(folder, database, paths, files);
  const [missing] = paths.filter((path) => !files.exists(path));
  if (missing !== undefined) throw new DamagedData(`${missing} is missing`);
  // Once more: after a failed sync the kernel may hold the database's last page for written, though it is not.
  database.writeNow(storedState(state));
  const opened: JournalFile[] = [];
  try {
    for (const position of [0, 1] as const)
      opened.push(new JournalFile(files, paths[position], { disk: state.disk, position }));
    const [older, newer] = [...opened].sort((a, b) => numberOf(a) - numberOf(b)) as [
      JournalFile,
      JournalFile,
    ];
    const last = newer.last ?? state.folded;
    const [before, after] = [recordsOf(older), recordsOf(newer)];
    refuseGap([before, after], state.folded);
    for (const file of opened) file.refuseRecordsAfter(last.sequence);
    refuseLost([before, after], last);
    for (const file of opened) file.settle();
    const unfolded = ({ file, records }: Opened): Opened => ({
      file,
      records: records.filter(({ sequence }) => sequence > state.folded.sequence),
    });
    return { state, older: unfolded(before), newer: unfolded(after), last };
  } catch (error) {
    for (const file of opened) file.close();
    throw error;
  }
}

export function storedState(state: FoldedState): Change[] {
  return [{ key: FOLDED, value: state as unknown as Json }];
}

function recordsOf(file: JournalFile): Opened {
  return { file, records: file.takeRecords() };
}

function numberOf({ last }: JournalFile): number {
  return last?.sequence ?? 0;
}

/** What the database says of the journals; makes those of a new folder, and of one that was last used by version 0.1. */
function stateIn(
  folder: string,
  database: Database,
  paths: readonly [string, string],
  files: Files,
): FoldedState {
  const stored = database.get(FOLDED);
  let state: FoldedState;
  if (stored === undefined) {
    refuseLostDatabase(database, paths, files);
    state = newState();
  } else if (typeof stored === 'number') {
    const missing = paths.find((path) => !files.exists(path));
    if (missing !== undefined) throw new DamagedData(`${missing} is missing`);
    state = newState();
    database.writeNow([...readOldJournals(files, paths, stored), ...storedState(state)]);
  } else state = stored as unknown as FoldedState;
  if (state.areMade) return state;
  for (const position of [0, 1] as const)
    JournalFile.create(files, paths[position], { disk: state.disk, position });
  files.syncFolder(folder);
  const made = { ...state, areMade: true };
  database.writeNow(storedState(made));
  return made;
}

function newState(): FoldedState {
  return { disk: randomUUID(), folded: { sequence: 0, checksum: 0 }, areMade: false };
}

/** Nothing is ever written to a journal of which the database does not know. */
function refuseLostDatabase(database: Database, paths: readonly string[], files: Files): void {
  for (const [key] of database.read())
    throw new DamagedData(`synod.mdb holds ${key}, but not how far the journals are in it`);
  for (const path of paths) {
    if (!files.exists(path)) continue;
    const file = files.open(path);
    const bytes = file.read();
    file.close();
    // A head alone, whole or in pieces, was left when the folder was made.
    const isUsed = isOldJournal(bytes) || bytes.subarray(HEAD_BYTES).some((byte) => byte !== 0);
    if (isUsed) throw new DamagedData(`synod.mdb is missing or empty, beside ${path} with its records`);
  }
}

/** Each record that the database does not hold follows the one before it, and the first of them what it does hold. */
function refuseGap(journals: readonly Opened[], folded: Link): void {
  let before = folded;
  for (const { file, records } of journals)
    for (const record of records) {
      const { sequence, checksum, previous } = record;
      if (sequence < folded.sequence) continue;
      const isFolded = sequence === folded.sequence;
      if (sequence > before.sequence + 1)
        throw new DamagedData(
          `records ${before.sequence + 1} to ${sequence - 1} of the journals are missing`,
        );
      const follows = isFolded
        ? checksum === folded.checksum
        : sequence === before.sequence + 1 && previous === before.checksum;
      if (!follows)
        throw new DamagedData(
          `${file.path} is damaged or an old copy: its record ${sequence} is of another history`,
        );
      before = record;
    }
  const last = journals.at(-1)?.records.at(-1)?.sequence ?? 0;
  if (last < folded.sequence)
    throw new DamagedData(`the journals end at record ${last}, before what the database holds`);
}

/** A mark tells that its record is durable; one that is gone has been lost, and with it what was promised. */
function refuseLost(journals: readonly Opened[], last: Link): void {
  for (const { file } of journals) {
    const { mark } = file;
    if (mark === undefined) continue;
    const [other] = journals.filter((journal) => journal.file !== file);
    if (mark.sequence > last.sequence)
      throw new DamagedData(
        `${other?.file.path ?? ''} is damaged or an old copy: record ${mark.sequence} was written, and ${last.sequence} is the last`,
      );
    for (const { records } of journals)
      for (const { sequence, checksum } of records)
        if (sequence === mark.sequence && checksum !== mark.checksum)
          throw new DamagedData(
            `${file.path} or ${other?.file.path ?? ''} is an old copy: they differ at record ${sequence}`,
          );
  }
}
