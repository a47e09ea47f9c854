import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ApiMethod, ApiParams, ApiResult } from '../../../src/api/methods';
import { findFreePorts } from '../../../src/cli/supervisor/ports';
import { callRpc } from './rpc';
import { ServerProcess, type Exit } from './server-process';
import { waitUntil } from './wait';

const SERVER_PROGRAM = resolve(__dirname, '../../../bin/server');
const READY_WITHIN_MS = 30_000;

export interface TestClusterOptions {
  /** How many; 5 by default. */
  readonly servers?: number;
  /** Probability that a call on an acceptor goes unanswered; 0 by default. */
  readonly acceptorFailure?: number;
  readonly ephemeral?: boolean;
  /** Initial content of the store; empty by default. */
  readonly prepopulate?: Readonly<Record<string, string>>;
  /** Further arguments of every server. */
  readonly arguments?: readonly string[];
  /** Further environment variables of every server. */
  readonly env?: Readonly<Record<string, string>>;
  /** Address of each server; 127.0.0.1 by default. */
  readonly host?: (id: number) => string;
  /** Runs a server's command line inside another, such as `['strace', '-f', ...command]`. */
  readonly wrap?: (command: readonly string[], id: number) => readonly string[];
  /** Wait until every server is ready; true by default. */
  readonly untilReady?: boolean;
}

/** Starts real server processes on free ports, with a temporary folder of their own. End it with close(). */
export async function startCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const count = options.servers ?? 5;
  // Workers that run side by side look in different ranges, or one could take what the other just found.
  const from = 20_000 + ((Number(process.env['JEST_WORKER_ID'] ?? '1') - 1) % 4) * 3000;
  const basePort = await findFreePorts(count, { from, to: from + 3000 });
  const cluster = new TestCluster(count, basePort, options);
  try {
    cluster.launch(...cluster.ids);
    if (options.untilReady ?? true) await cluster.untilReady(...cluster.ids);
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

export class TestCluster {
  readonly ids: readonly number[];
  readonly basePort: number;
  /** The temporary folder of this cluster: `prepopulate.json` and one folder per server. */
  readonly root = mkdtempSync(join(tmpdir(), 'synod-test-'));
  readonly token = randomBytes(32).toString('hex');
  readonly #options: TestClusterOptions;
  readonly #servers = new Map<number, ServerProcess>();
  readonly #lines: readonly string[][];

  constructor(count: number, basePort: number, options: TestClusterOptions) {
    this.ids = Array.from({ length: count }, (_, id) => id);
    this.basePort = basePort;
    this.#options = options;
    this.#lines = this.ids.map(() => []);
    writeFileSync(join(this.root, 'prepopulate.json'), JSON.stringify(options.prepopulate ?? {}));
  }

  /** `host:port` of every server, as clients and `--servers` take it. */
  get addresses(): string[] {
    return this.ids.map((id) => this.address(id));
  }

  address(id: number): string {
    return `${this.#options.host?.(id) ?? '127.0.0.1'}:${this.port(id)}`;
  }

  port(id: number): number {
    return this.basePort + id;
  }

  url(id: number, path = '/rpc'): string {
    return `http://${this.address(id)}${path}`;
  }

  dataFolder(id: number): string {
    return join(this.root, `server-${id}`);
  }

  /** Every line that a server printed so far, over all its lives, as `out: ...` or `err: ...`. */
  logs(id: number): readonly string[] {
    return this.#lines[id] ?? [];
  }

  /** The process that runs now, or ran last. */
  process(id: number): ServerProcess {
    const server = this.#servers.get(id);
    if (server === undefined) throw new Error(`server ${id} was never started`);
    return server;
  }

  isRunning(id: number): boolean {
    return this.#servers.get(id)?.isRunning ?? false;
  }

  /** Starts servers without waiting for anything. */
  launch(...ids: number[]): void {
    for (const id of ids) {
      if (this.isRunning(id)) throw new Error(`server ${id} runs already`);
      const command = [process.execPath, SERVER_PROGRAM, ...this.#argumentsOf(id)];
      const wrapped = this.#options.wrap?.(command, id) ?? command;
      const environment = { ...outerEnvironment(), ...this.#options.env, SYNOD_TOKEN: this.token };
      const isWrapped = this.#options.wrap !== undefined;
      this.#servers.set(id, new ServerProcess(wrapped, environment, isWrapped, this.#lines[id] ?? []));
    }
  }

  /** Waits until the servers have said "ready". Rejects when one ends instead, or after 30 s. */
  async untilReady(...ids: number[]): Promise<void> {
    const all = Promise.all(
      ids.map(async (id) => {
        if (!(await this.process(id).ready)) throw new Error(this.#describe(`server ${id} ended`, [id]));
      }),
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(this.#describe(`not ready within ${READY_WITHIN_MS} ms`, ids)));
      }, READY_WITHIN_MS);
    });
    await Promise.race([all, late]).finally(() => {
      clearTimeout(timer);
    });
  }

  /** Starts servers again, after stopping those that still run, and waits until they are ready. */
  async restart(...ids: number[]): Promise<void> {
    await this.stop(...ids);
    this.launch(...ids);
    await this.untilReady(...ids);
  }

  /** kill -9; resolves when they are gone. */
  async kill9(...ids: number[]): Promise<void> {
    await this.#end('SIGKILL', ids);
  }

  /** A clean stop; resolves when they are gone. */
  async stop(...ids: number[]): Promise<Exit[]> {
    return await this.#end('SIGTERM', ids);
  }

  /** SIGSTOP: the server stands still, its sockets stay open. */
  pause(...ids: number[]): void {
    for (const id of ids) this.process(id).signal('SIGSTOP');
  }

  resume(...ids: number[]): void {
    for (const id of ids) this.process(id).signal('SIGCONT');
  }

  /** One call with plain fetch. Rejects with RpcError for a JSON-RPC error, otherwise with what fetch says. */
  async rpc<M extends ApiMethod>(
    id: number,
    method: M,
    params: ApiParams<M>,
    timeoutMs = 10_000,
  ): Promise<ApiResult<M>> {
    return (await callRpc(this.url(id), method, params, timeoutMs)) as ApiResult<M>;
  }

  async status(id: number): Promise<ApiResult<'cluster.status'>> {
    return await this.rpc(id, 'cluster.status', {}, 2000);
  }

  /** Polls until the condition holds; one that throws does not hold yet. Rejects at the deadline, with the last reason and logs. */
  async waitUntil(
    what: string,
    condition: () => boolean | Promise<boolean>,
    deadlineMs = 20_000,
  ): Promise<void> {
    await waitUntil(condition, deadlineMs, (last) =>
      this.#describe(`${what}: not within ${deadlineMs} ms. ${last}`, this.ids),
    );
  }

  /**
   * Waits until these servers (all by default) have applied the same slots, know of no further one, and have equal digests.
   * Returns the digest.
   */
  async waitEqual(ids: readonly number[] = this.ids, deadlineMs = 30_000): Promise<string> {
    let digest = '';
    let seen = '';
    await this.waitUntil(
      'equal stores',
      async () => {
        const all = await Promise.all(ids.map((id) => this.status(id)));
        seen = all.map((s) => `${s.id}: ${s.applied}/${s.highestChosen} ${s.digest}`).join('; ');
        digest = all[0]?.digest ?? '';
        const equal = all.every((s) => s.digest === digest && s.applied === all[0]?.applied);
        if (equal && all.every((s) => s.applied >= s.highestChosen)) return true;
        throw new Error(`applied/chosen and digest: ${seen}`);
      },
      deadlineMs,
    );
    return digest;
  }

  /** Kills what still runs and removes the folder. */
  async close(): Promise<void> {
    await this.kill9(...this.ids);
    rmSync(this.root, { recursive: true, force: true, maxRetries: 3 });
  }

  async #end(signal: NodeJS.Signals, ids: readonly number[]): Promise<Exit[]> {
    const servers = ids.map((id) => this.#servers.get(id)).filter((server) => server !== undefined);
    for (const server of servers) {
      server.signal(signal);
      if (signal !== 'SIGKILL') server.signal('SIGCONT');
    }
    return await Promise.all(servers.map((server) => server.exited));
  }

  #argumentsOf(id: number): string[] {
    return [
      ...['--id', String(id), '--servers', this.addresses.join()],
      ...['--prepopulate', join(this.root, 'prepopulate.json')],
      ...['--acceptor-failures', String(this.#options.acceptorFailure ?? 0)],
      ...(this.#options.ephemeral ? ['--ephemeral'] : ['--data', this.dataFolder(id)]),
      ...(this.#options.arguments ?? []),
    ];
  }

  #describe(what: string, ids: readonly number[]): string {
    const tails = ids.map((id) => [`--- server ${id}`, ...this.logs(id).slice(-5)].join('\n'));
    return [what, ...tails].join('\n');
  }
}

/** Without settings for Synod, and without colours: jest sets FORCE_COLOR for its workers. */
function outerEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(SYNOD_|FORCE_COLOR$)/.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: '1' };
}
