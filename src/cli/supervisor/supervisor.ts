import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { REFUSED, type ServerMessage } from '../../server/configuration';
import type { Reporter } from './reporter';

/**
 * Under load most of what a server makes is garbage at once. With more room for the young it is collected less often:
 * about a tenth of the processor time of a write.
 */
const NODE_OPTIONS = ['--max-semi-space-size=64'];
const STOP_WITHIN_MS = 1700;
/**
 * A server that was ready is restarted at once, so many times within so long (as systemd's limit of starts): the cluster
 * misses it. One that dies more often, or cannot start, would take the processor from the others: its restarts are
 * delayed, until it has been steady for as long.
 */
const RESTARTS_AT_ONCE = 5;
const STEADY_AFTER_MS = 10_000;
/** Exit codes of servers that another try would not help. */
const REFUSALS: ReadonlySet<number> = new Set(Object.values(REFUSED));

export interface SupervisorPlan {
  /** The program of one server: a Node script. */
  readonly program: string;
  /** One argument list per server. */
  readonly arguments: readonly (readonly string[])[];
  readonly environment: NodeJS.ProcessEnv;
  /** Why a dead server stays dead, as the end of a sentence; undefined: it is restarted. */
  readonly noRestartBecause?: string | undefined;
  /** First pause before a restart that does not happen at once; it doubles with every further one, up to 16 times. */
  readonly restartDelayMs?: number;
}

interface Child {
  readonly id: number;
  process: ChildProcess | undefined;
  state: 'starting' | 'ready' | 'waiting' | 'gone';
  startedAt: number;
  /** Since it was started first. */
  hasBeenReady: boolean;
  hasDied: boolean;
  /** When its latest deaths were that were followed by a restart at once. */
  restartsAtOnce: number[];
  /** Restarts with a pause since it was steady. */
  delays: number;
  restart?: NodeJS.Timeout;
  /** What it said, or what the system said, about why it does not run. */
  reason: string | undefined;
}

/** Runs one process per server, restarts those that die, and leaves none behind. */
export class Supervisor {
  readonly #plan: SupervisorPlan;
  readonly #reporter: Reporter;
  readonly #children: Child[];
  readonly #ready = deferred();
  readonly #ended = deferred();
  #phase: 'starting' | 'running' | 'stopping' = 'starting';
  #exitCode = 0;

  constructor(plan: SupervisorPlan, reporter: Reporter) {
    this.#plan = plan;
    this.#reporter = reporter;
    this.#children = plan.arguments.map((_, id) => ({
      id,
      process: undefined,
      state: 'starting',
      startedAt: 0,
      hasBeenReady: false,
      hasDied: false,
      restartsAtOnce: [],
      delays: 0,
      reason: undefined,
    }));
  }

  /** Resolves with the number of servers once all that still run are ready for the first time; may never settle. */
  get ready(): Promise<number> {
    return this.#ready.promise;
  }

  /** Resolves when no server runs or will run: 0 after stop(), the exit code of one that refused to start, 1 when all died. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  /** Ids of the servers that have not said "ready" since they were started. */
  get notReady(): number[] {
    return this.#children.filter((child) => child.state !== 'ready').map((child) => child.id);
  }

  start(): void {
    for (const child of this.#children) this.#launch(child);
  }

  /** Asks every server to stop; those that do not within 1.7 s are killed. */
  stop(): void {
    if (this.#phase === 'stopping') return;
    this.#phase = 'stopping';
    for (const child of this.#children) {
      clearTimeout(child.restart);
      child.process?.kill('SIGTERM');
    }
    setTimeout(() => {
      this.kill();
    }, STOP_WITHIN_MS).unref();
    this.#settle();
  }

  /** Ends every server at once. */
  kill(): void {
    this.#phase = 'stopping';
    for (const child of this.#children) {
      clearTimeout(child.restart);
      child.process?.kill('SIGKILL');
    }
    this.#settle();
  }

  #launch(child: Child): void {
    child.state = 'starting';
    child.startedAt = performance.now();
    child.reason = undefined;
    const made = fork(this.#plan.program, this.#plan.arguments[child.id], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: this.#plan.environment,
      execArgv: NODE_OPTIONS,
    });
    child.process = made;
    this.#forward(child.id, 'stdout', made.stdout);
    this.#forward(child.id, 'stderr', made.stderr);
    made.on('message', (message) => {
      this.#hear(child, message as ServerMessage);
    });
    made.on('error', (error) => {
      child.reason ??= error.message;
      // Not even spawned, for want of descriptors: then "close" never comes.
      if (made.pid === undefined) this.#closed(child, made, null, null);
    });
    // Not "exit": by "close" everything it printed and said has arrived.
    made.on('close', (code, signal) => {
      this.#closed(child, made, code, signal);
    });
  }

  #forward(id: number, stream: 'stdout' | 'stderr', source: Readable | null): void {
    if (source === null) return;
    createInterface({ input: source, crlfDelay: Infinity }).on('line', (text) => {
      this.#reporter.line(id, stream, text);
    });
  }

  #hear(child: Child, message: ServerMessage): void {
    if (message.kind === 'refused') {
      child.reason = message.reason;
      return;
    }
    child.state = 'ready';
    child.hasBeenReady = true;
    if (child.hasDied) this.#reporter.notice('info', `server ${child.id} is ready again`);
    this.#settle();
  }

  #closed(child: Child, made: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (child.process !== made) return;
    const wasReady = child.state === 'ready';
    child.process = undefined;
    child.state = 'gone';
    if (this.#phase !== 'stopping') {
      const name = `server ${child.id}`;
      if (code !== null && REFUSALS.has(code) && !wasReady) this.#refused(name, code, child.reason);
      else
        this.#died(
          child,
          wasReady,
          `${name} died (${signal ?? (code === null ? child.reason : `exit code ${code}`)})`,
        );
    }
    this.#settle();
  }

  #refused(name: string, code: number, reason = 'it printed why'): void {
    if (this.#phase === 'running') {
      this.#reporter.notice('error', `error: ${name} refuses to start: ${reason}. The others go on.`);
      return;
    }
    this.#reporter.notice('error', `error: ${name} refuses to start: ${reason}`);
    this.#exitCode = code;
    this.stop();
  }

  #died(child: Child, wasReady: boolean, what: string): void {
    if (this.#plan.noRestartBecause !== undefined) {
      this.#reporter.notice('error', `${what}; it is not restarted ${this.#plan.noRestartBecause}`);
      return;
    }
    if (wasReady && performance.now() - child.startedAt > STEADY_AFTER_MS) child.delays = 0;
    child.hasDied = true;
    child.state = 'waiting';
    const delayMs = this.#delayMs(child);
    const when = delayMs === 0 ? 'at once' : `in ${delayMs / 1000} s`;
    this.#reporter.notice('error', `${what}; restarting it ${when}`);
    child.restart = setTimeout(() => {
      this.#launch(child);
    }, delayMs);
  }

  /** The pause before the next restart. */
  #delayMs(child: Child): number {
    const now = performance.now();
    child.restartsAtOnce = child.restartsAtOnce.filter((at) => now - at < STEADY_AFTER_MS);
    if (child.hasBeenReady && child.delays === 0 && child.restartsAtOnce.length < RESTARTS_AT_ONCE) {
      child.restartsAtOnce.push(now);
      return 0;
    }
    return (this.#plan.restartDelayMs ?? 500) * 2 ** Math.min(child.delays++, 4);
  }

  /** Tells whoever waits when all are ready, or when nothing is left to wait for. */
  #settle(): void {
    if (this.#phase === 'stopping') {
      if (this.#children.every((child) => child.process === undefined)) this.#ended.resolve(this.#exitCode);
      return;
    }
    const alive = this.#children.filter((child) => child.state !== 'gone');
    if (alive.length === 0) this.#ended.resolve(1);
    else if (this.#phase === 'starting' && alive.every((child) => child.state === 'ready')) {
      this.#phase = 'running';
      this.#ready.resolve(alive.length);
    }
  }
}

function deferred(): { readonly promise: Promise<number>; readonly resolve: (value: number) => void } {
  let resolve: (value: number) => void = () => undefined;
  const promise = new Promise<number>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
