import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../options';

/** Makes a folder and those around it; gives those that it made. Step by step: mkdir's own way never ends below /proc. */
export function makeFolder(folder: string): string[] {
  if (existsSync(folder)) return [];
  const made = makeFolder(dirname(resolve(folder)));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Somebody else was faster.
    if (existsSync(folder)) return made;
    removeEmpty(made);
    throw error;
  }
  return [...made, folder];
}

function removeEmpty(folders: readonly string[]): void {
  for (const each of folders.toReversed()) {
    try {
      rmdirSync(each);
    } catch {
      return;
    }
  }
}

/**
 * Makes the folder and tries whether it can be written to; throws UsageError when not. Gives a function that takes
 * away again what was made, as far as it is still empty.
 */
export function prepareFolder(folder: string): () => void {
  let made: string[] = [];
  const clear = (): void => {
    removeEmpty(made);
  };
  try {
    made = makeFolder(folder);
    rmdirSync(mkdtempSync(join(folder, '.probe-')));
  } catch (error) {
    clear();
    throw new UsageError(`${folder} cannot be written to: ${(error as Error).message}`);
  }
  return clear;
}

/** Throws UsageError when the file cannot be written; what is in it stays for now. */
export function prepareFile(file: string): void {
  try {
    closeSync(openSync(file, 'a'));
  } catch (error) {
    throw new UsageError(`${file} cannot be written: ${(error as Error).message}`);
  }
}
