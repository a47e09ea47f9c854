import type { Storage } from '../core/environment';
import type { StorageError } from '../core/errors';
import { DamagedData } from '../storage/damaged-data';
import { JournaledStorage } from '../storage/journaled-storage';
import { MemoryStorage } from '../storage/memory-storage';
import { DataDamaged, StartRefused } from './configuration';

export interface ServerStorage extends Storage {
  /** Resolves when a write failed; the server must stop. */
  readonly failed: Promise<StorageError>;
  close(): Promise<void>;
}

/** What the system says of a disk that fails. */
const DISK_FAILS = new Set(['EIO', 'EUCLEAN', 'EBADMSG']);
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'there is no space left on its disk: make room, then start the server again',
  EDQUOT: 'the quota of its disk is used up: make room, then start the server again',
  EROFS: 'its disk is read-only',
  EACCES: 'it is not for this user to read and write',
};

/** Opens the data in `folder`; undefined keeps everything in memory. Throws StartRefused. */
export function openStorage(folder: string | undefined): ServerStorage {
  if (folder === undefined) return new MemoryStorage();
  try {
    return new JournaledStorage(folder);
  } catch (error) {
    throw refusal(folder, error as NodeJS.ErrnoException);
  }
}

/** One line, for whatever made opening impossible. */
export function refusal(folder: string, error: NodeJS.ErrnoException): StartRefused {
  const { code = '', message } = error;
  const fails = DISK_FAILS.has(code) || /input\/output error/i.test(message);
  if (fails || error instanceof DamagedData)
    return new DataDamaged(
      `the data folder ${folder} cannot be trusted: ${fails ? 'its disk fails' : firstLine(message)}. ` +
        'Leave this server down, and do not put an older copy in its place (see docs/storage.md)',
      { cause: error },
    );
  const why = REASONS[code] ?? firstLine(message);
  return new StartRefused(`the data folder ${folder} cannot be opened: ${why}`, { cause: error });
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? '';
}
