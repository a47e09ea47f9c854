import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ServerMessage } from '../../../src/server/configuration';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What a refused start told its supervisor. */
  readonly refusal: string | undefined;
}

const alive = new Set<ServerProcess>();
process.on('exit', () => {
  for (const server of alive) server.signal('SIGKILL');
});

/** One real server process. It is killed when the test process ends, however that happens. */
export class ServerProcess {
  /** Every line it printed, on both streams, as `out: ...` or `err: ...`. */
  readonly lines: string[];
  /** Resolves when the process is gone and its output complete. */
  readonly exited: Promise<Exit>;
  /** Resolves with true at its "ready", with false when it ended before. */
  readonly ready: Promise<boolean>;
  readonly #child: ChildProcess;
  readonly #wrapped: boolean;
  #exit: Exit | undefined;

  constructor(
    commandLine: readonly string[],
    environment: NodeJS.ProcessEnv,
    wrapped: boolean,
    lines: string[],
  ) {
    const [program = '', ...rest] = commandLine;
    this.lines = lines;
    this.#wrapped = wrapped;
    this.#child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env: environment });
    alive.add(this);
    this.#record('out', this.#child.stdout);
    this.#record('err', this.#child.stderr);
    let refusal: string | undefined;
    this.exited = new Promise((resolve) => {
      this.#child.on('error', (error) => lines.push(`err: ${error.message}`));
      this.#child.on('close', (code, signal) => {
        alive.delete(this);
        this.#exit = { code, signal, refusal };
        resolve(this.#exit);
      });
    });
    const saidReady = new Promise<true>((resolve) => {
      this.#child.on('message', (message: ServerMessage) => {
        if (message.kind === 'ready') resolve(true);
        else refusal = message.reason;
      });
    });
    this.ready = Promise.race([saidReady, this.exited.then(() => false)]);
  }

  get isRunning(): boolean {
    return this.#exit === undefined;
  }

  /** Process id of the server itself, also when a wrapper such as strace runs it. */
  get pid(): number | undefined {
    const own = this.#child.pid;
    return this.#wrapped && own !== undefined ? deepestDescendant(own) : own;
  }

  signal(name: NodeJS.Signals): void {
    const pid = this.isRunning ? this.pid : undefined;
    if (pid === undefined) return;
    try {
      process.kill(pid, name);
    } catch (error) {
      // It ended in this moment.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #record(name: string, stream: NodeJS.ReadableStream | null): void {
    if (stream === null) return;
    createInterface({ input: stream }).on('line', (line) => this.lines.push(`${name}: ${line}`));
  }
}

function deepestDescendant(pid: number): number {
  let children = '';
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const first = Number(children.trim().split(' ')[0]);
  return first > 0 ? deepestDescendant(first) : pid;
}
