import { StorageError } from '../core/errors';

/** What the system and LMDB say of a disk, and what it means. A write that ends short on a full disk LMDB calls an I/O error. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/\bENOSPC\b|no space left/i, 'No space left on device'],
  [/\bEDQUOT\b|quota exceeded/i, 'Disk quota exceeded'],
  [/\bEIO\b|input\/output/i, 'Input/output error (is the disk full, or broken?)'],
];

/** The one sentence about a write that failed, whoever told it. */
export function writeFailure(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const { message } = error as Error;
  const known = REASONS.find(([pattern]) => pattern.test(message));
  const reason = known?.[1] ?? message.split('\n')[0] ?? '';
  return new StorageError(`writing to the data folder failed: ${reason}`, { cause: error });
}
