import type { Storage } from '../core/environment';
import type { StorageError } from '../core/errors';
import { JournaledStorage } from '../storage/journaled-storage';
import { MemoryStorage } from '../storage/memory-storage';
import { StartRefused } from './configuration';

export interface ServerStorage extends Storage {
  /** Resolves when a write failed; the server must stop. */
  readonly failed: Promise<StorageError>;
  close(): Promise<void>;
}

/** Opens the data in `folder`; undefined keeps everything in memory. Throws StartRefused. */
export function openStorage(folder: string | undefined): ServerStorage {
  if (folder === undefined) return new MemoryStorage();
  try {
    return new JournaledStorage(folder);
  } catch (error) {
    throw new StartRefused(`the data folder ${folder} cannot be opened: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
