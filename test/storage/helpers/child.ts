import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const WRITER = join(__dirname, 'writer.js');

export type Line =
  | { readonly event: 'open' | 'late-acknowledged' }
  | { readonly event: 'acknowledged'; readonly n: number }
  | { readonly event: 'rejected'; readonly n: number; readonly name: string }
  | { readonly event: 'late-rejected'; readonly name: string }
  | { readonly event: 'failed'; readonly name: string; readonly message: string }
  | { readonly event: 'readable'; readonly keys: readonly string[] }
  | { readonly event: 'ended'; readonly code: number | null };

export interface Writing {
  /** From which number on. */
  readonly first?: number;
  /** How many writes; 20,000 by default. */
  readonly writes?: number;
  /** How many writes are under way at a time. */
  readonly writers?: number;
  /** Size of each of the two values of a write. */
  readonly bytes?: number;
  /** Command to run it in, such as strace with its options. */
  readonly wrapper?: readonly string[];
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'synod-storage-test-'));
}

/** A process that writes to the folder; `onLine` hears everything it tells. Resolves with all of it, and its end. */
export function runWriter(
  folder: string,
  { first = 0, writes = 20_000, writers = 8, bytes = 10, wrapper = [] }: Writing,
  onLine: (line: Line, child: ChildProcess) => void = () => undefined,
): Promise<Line[]> {
  const command = [
    ...wrapper,
    process.execPath,
    WRITER,
    folder,
    String(first),
    String(writes),
    String(writers),
    String(bytes),
  ];
  const child = spawn('env', command, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    onLine(line, child);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      lines.push({ event: 'ended', code });
      resolve(lines);
    });
  });
}

/** Whether a command works here: some machines lack the program, others the right to use it. */
export function works(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}
