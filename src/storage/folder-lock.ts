import { readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Holder {
  readonly process: number;
  /** Tells this process from a later one with the same number; empty where the system does not tell. */
  readonly startedAt: string;
  /** A copy of a folder carries a copy of the lock. */
  readonly folder: string;
}

/** When a process started, in the kernel's own ticks; empty where /proc is missing or the process is gone. */
function startOf(process: number): string {
  try {
    const stat = readFileSync(`/proc/${process}/stat`, 'utf8');
    // The name in parentheses may hold spaces; the start time is the 20th field after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.process, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startOf(holder.process) === holder.startedAt;
}

function holderOf(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

/**
 * Keeps a second process away from a data folder: two acceptors on one file would each forget what the other
 * promised. A lock whose process is gone counts for nothing. Gives the function that unlocks. Throws an Error with a
 * sentence when the folder is in use.
 */
export function lockFolder(path: string): () => void {
  const folder = realpathSync(path);
  const file = join(folder, 'synod.lock');
  const own: Holder = { process: process.pid, startedAt: startOf(process.pid), folder };
  for (;;) {
    try {
      writeFileSync(file, JSON.stringify(own), { flag: 'wx' });
      return () => {
        rmSync(file, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = holderOf(file);
    if (holder?.folder === folder && isAlive(holder))
      throw new Error(`it is in use by the process ${holder.process}`);
    rmSync(file, { force: true });
  }
}
