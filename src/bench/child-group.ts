import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { total } from './prometheus';
import type { Spent } from './system';

const STOP_WITHIN_MS = 3000;
const KEPT_CHARACTERS = 4000;
/** Linux counts processor time in these, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

interface Child {
  readonly name: string;
  readonly process: ChildProcess;
  readonly closed: Promise<void>;
  /** The end of what it printed. */
  output: string;
  /** Why it runs no longer. */
  ended: string | undefined;
}

/** The first file of this name in the folders of PATH that may be executed. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Processes of another system, and a temporary folder for their data. None of it outlives this process. */
export class ChildGroup {
  readonly folder = mkdtempSync(join(tmpdir(), 'synod-bench-'));
  readonly #children: Child[] = [];
  #isStopping = false;
  readonly #onExit = (): void => {
    for (const { process: child } of this.#children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  };

  constructor() {
    process.on('exit', this.#onExit);
  }

  start(name: string, program: string, argv: readonly string[], environment: NodeJS.ProcessEnv): void {
    const made = spawn(program, argv, {
      cwd: this.folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const closed = new Promise<void>((resolve) => {
      made.on('close', (code, signal) => {
        child.ended ??= signal ?? `exit code ${code}`;
        resolve();
      });
      made.on('error', (error) => {
        child.ended = error.message;
        resolve();
      });
    });
    const child: Child = { name, process: made, closed, output: '', ended: undefined };
    for (const stream of [made.stdout, made.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        child.output = (child.output + text).slice(-KEPT_CHARACTERS);
      });
    this.#children.push(child);
  }

  /**
   * Resolves when `isReady` says so. Throws an Error when a process ended before, the time is over, or `signal` aborts;
   * then all processes have ended.
   */
  async untilReady(isReady: () => Promise<boolean>, withinMs: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#untilReady(isReady, withinMs, signal);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #untilReady(isReady: () => Promise<boolean>, withinMs: number, signal: AbortSignal): Promise<void> {
    const deadlineMs = performance.now() + withinMs;
    for (;;) {
      signal.throwIfAborted();
      const dead = this.#children.find(({ ended }) => ended !== undefined);
      if (dead !== undefined) throw new Error(`${dead.name} ended (${dead.ended}): ${lastLine(dead.output)}`);
      if (await isReady()) return;
      if (performance.now() > deadlineMs)
        throw new Error(
          `the servers were not ready within ${withinMs / 1000} s: ${lastLine(this.#children[0]?.output ?? '')}`,
        );
      await sleep(100);
    }
  }

  /** Processor time and memory, where Linux tells them. */
  spent(): Pick<Spent, 'cpuSeconds' | 'memoryBytes'> {
    const usage = this.#children.map(({ process: child }) => usageOf(child.pid));
    return {
      cpuSeconds: total(usage.map((each) => each?.cpuSeconds)),
      memoryBytes: total(usage.map((each) => each?.memoryBytes)),
    };
  }

  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const { process: child } of this.#children) child.kill('SIGTERM');
    const late = setTimeout(() => {
      for (const { process: child } of this.#children) child.kill('SIGKILL');
    }, STOP_WITHIN_MS);
    await Promise.all(this.#children.map(({ closed }) => closed));
    clearTimeout(late);
    process.off('exit', this.#onExit);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
}

function usageOf(pid: number | undefined): { cpuSeconds: number; memoryBytes: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in parentheses, may itself hold spaces.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [userTicks = 0, systemTicks = 0] = fields.slice(11, 13);
    return {
      cpuSeconds: (userTicks + systemTicks) / TICKS_PER_SECOND,
      memoryBytes: (fields[21] ?? 0) * PAGE_BYTES,
    };
  } catch {
    return undefined;
  }
}
