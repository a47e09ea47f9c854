import { readFileSync } from 'node:fs';
import { API_METHODS } from '../api/methods';
import { parsePrepopulate } from '../kv/prepopulate';
import { StartRefused } from './configuration';

function check(key: string, value: string): void {
  const parsed = API_METHODS['kv.put'].params.safeParse({ key, value });
  if (!parsed.success)
    throw new Error(`key ${JSON.stringify(key)}: ${parsed.error.issues[0]?.message ?? 'it does not fit'}`);
}

/** The initial entries in the file; none for no file. Throws StartRefused with a sentence. */
export function readPrepopulate(file: string | undefined): ReadonlyMap<string, string> {
  if (file === undefined) return new Map();
  try {
    return parsePrepopulate(readFileSync(file, 'utf8'), check);
  } catch (error) {
    throw new StartRefused(`${file} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}
