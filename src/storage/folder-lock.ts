import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { tryLock } from 'fs-native-extensions';

/**
 * Keeps a second process away from a data folder: two acceptors on one file would each forget what the other
 * promised. The lock is one of the kernel, on the open file `synod.lock`. It ends with the process that holds it, however
 * that ends, and it counts in every container that has the folder mounted. The file stays: if one process removed it,
 * another could lock the old file and a third one the new file. What is written in the file is only for the message.
 *
 * Gives the function that unlocks. Throws an Error with a sentence when the folder is in use or cannot be locked.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'synod.lock');
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    if (!tryLock(file)) throw new Error(`it is in use by ${holderOf(path)}`);
    ftruncateSync(file);
    writeSync(file, `process ${process.pid} on ${hostname()}`, 0);
  } catch (error) {
    closeSync(file);
    throw error;
  }
  return () => {
    closeSync(file);
  };
}

/** A number of a process means something only beside its host: each container may count for itself. */
function holderOf(path: string): string {
  const text = readFileSync(path, 'utf8');
  return /^process \d+ on [\w.-]+$/.test(text) ? text : 'another process';
}
