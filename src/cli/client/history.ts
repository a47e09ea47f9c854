import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

export const HISTORY_LINES = 1000;

/** The lines typed at the prompt, newest first, in the user's state folder (XDG Base Directory). */
export class HistoryFile {
  readonly path: string;

  constructor() {
    const state = process.env['XDG_STATE_HOME'];
    const folder = state !== undefined && isAbsolute(state) ? state : join(homedir(), '.local', 'state');
    this.path = join(folder, 'synod', 'client-history');
  }

  read(): string[] {
    try {
      const oldestFirst = readFileSync(this.path, 'utf8').split('\n').filter(Boolean);
      return oldestFirst.slice(-HISTORY_LINES).reverse();
    } catch {
      return [];
    }
  }

  /** For the user alone: values are in it. Throws when it cannot be written. */
  write(newestFirst: readonly string[]): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const lines = newestFirst.slice(0, HISTORY_LINES).reverse();
    writeFileSync(this.path, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  }
}
