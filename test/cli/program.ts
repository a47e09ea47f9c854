import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { waitUntil } from '../e2e/helpers/wait';

export const ROOT = resolve(__dirname, '../..');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of this package as a real process in a folder of its own; close() ends what is left of it. */
export class Program {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(script: string, argv: readonly string[], options: ProgramOptions = {}) {
    this.folder = options.folder ?? mkdtempSync(join(tmpdir(), 'synod-program-'));
    const outer = Object.entries(process.env).filter(([name]) => !/^(SYNOD_|FORCE_COLOR$|npm_)/.test(name));
    this.child = spawn(process.execPath, [resolve(ROOT, script), ...argv], {
      cwd: this.folder,
      env: { ...Object.fromEntries(outer), NO_COLOR: '1', FAKE_FOLDER: this.folder, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: options.ownGroup ?? false,
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((end) => {
      this.child.on('close', (code, signal) => {
        end({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  async untilPrinted(text: string, deadlineMs = 15_000): Promise<void> {
    const describe = (): string => `"${text}" was not printed:\n${this.stdout}${this.stderr}`;
    await waitUntil(() => this.stdout.includes(text) || this.stderr.includes(text), deadlineMs, describe);
  }

  /** Process ids of the fake servers that were started last. */
  fakePids(count: number): number[] {
    return Array.from({ length: count }, (_, id) => join(this.folder, `pid-${id}`))
      .filter((file) => existsSync(file))
      .map((file) => Number(readFileSync(file, 'utf8')));
  }

  async close(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM');
      // Nobody waits for this long: it ends a program that does not end by itself, so that no test leaves one behind.
      const late = setTimeout(() => this.child.kill('SIGKILL'), 4000);
      await this.ended;
      clearTimeout(late);
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

export interface ProgramOptions {
  /** The current folder of the program; a temporary one by default. */
  readonly folder?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** In a process group of its own, as in a terminal. */
  readonly ownGroup?: boolean;
}

/** Runs a program to its end. */
export async function runProgram(
  script: string,
  argv: readonly string[],
  options: ProgramOptions = {},
): Promise<Ended> {
  const program = new Program(script, argv, options);
  try {
    return await program.ended;
  } finally {
    await program.close();
  }
}

/** A command line of this package; `env` holds further variables. */
export interface CommandLine {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs what ends by itself, all in one process, which is much quicker: for what is said, not for how a process ends. */
export async function runAll(
  lines: readonly CommandLine[],
): Promise<Pick<Ended, 'code' | 'stdout' | 'stderr'>[]> {
  const { code, stdout, stderr } = await runProgram('test/cli/fixtures/run-all.js', [JSON.stringify(lines)]);
  if (code !== 0 || stderr !== '') throw new Error(`not all was run: ${stderr}`);
  const ended = JSON.parse(stdout) as Ended[];
  if (ended.length !== lines.length) throw new Error(`${ended.length} of ${lines.length} were run`);
  return ended;
}

/** `start-servers` with fake servers that behave as told, by id. */
export function startFakes(
  argv: readonly string[],
  behaviours: Readonly<Record<number, string>> = {},
  options: ProgramOptions = {},
): Program {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'synod-fakes-'));
  for (const [id, behaviour] of Object.entries(behaviours)) {
    writeFileSync(join(folder, `behaviour-${id}`), behaviour);
  }
  return new Program('test/cli/fixtures/start-fakes.js', argv, { ...options, folder });
}

/** Whether a process runs; one that has ended but was not collected by its parent yet does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = `/proc/${pid}/status`;
  return (
    !existsSync('/proc/self') || (existsSync(status) && !/^State:\s+Z/m.test(readFileSync(status, 'utf8')))
  );
}

export async function untilGone(pids: readonly number[], deadlineMs = 5000): Promise<void> {
  const living = (): number[] => pids.filter(isAlive);
  await waitUntil(
    () => living().length === 0,
    deadlineMs,
    () => `still alive: ${living().join(', ')}`,
  );
}
