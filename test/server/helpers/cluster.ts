import { expect } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiResult } from '../../../src/api/methods';
import { findFreePorts } from '../../../src/cli/supervisor/ports';
import { serverConfiguration, type ServerConfiguration } from '../../../src/server/configuration';
import { startServer, type RunningServer } from '../../../src/server/server';
import { result, rpc, type RpcReply } from './http';
import { waitFor, within } from './wait';

/** Other workers, and other tests of this machine, look elsewhere. */
const FROM = 12_000 + (Number(process.env['JEST_WORKER_ID'] ?? '1') % 4) * 700;

export interface ClusterOptions {
  readonly servers?: number;
  readonly ephemeral?: boolean;
  readonly initial?: Readonly<Record<string, string>>;
  readonly configuration?: Partial<ServerConfiguration>;
}

/** Servers inside this process, on free ports, each with a temporary folder. End it with close(). */
export class InProcessCluster {
  readonly root = mkdtempSync(join(tmpdir(), 'synod-server-test-'));
  readonly basePort: number;
  readonly #options: ClusterOptions;
  readonly #running = new Map<number, RunningServer>();

  private constructor(basePort: number, options: ClusterOptions) {
    this.basePort = basePort;
    this.#options = options;
    if (options.initial !== undefined)
      writeFileSync(join(this.root, 'prepopulate.json'), JSON.stringify(options.initial));
  }

  /** Finds the ports and makes the folder; starts nothing. */
  static async prepare(options: ClusterOptions = {}): Promise<InProcessCluster> {
    const basePort = await findFreePorts(options.servers ?? 3, { from: FROM, to: FROM + 700 });
    return new InProcessCluster(basePort, options);
  }

  /** All servers, ready. */
  static async start(options: ClusterOptions = {}): Promise<InProcessCluster> {
    const cluster = await InProcessCluster.prepare(options);
    await cluster.launch(...cluster.ids);
    await cluster.ready(...cluster.ids);
    return cluster;
  }

  get ids(): number[] {
    return Array.from({ length: this.#options.servers ?? 3 }, (_, id) => id);
  }

  port(id: number): number {
    return this.basePort + id;
  }

  folder(id: number): string {
    return join(this.root, `server-${id}`);
  }

  configuration(id: number, changes: Partial<ServerConfiguration> = {}): ServerConfiguration {
    return serverConfiguration.parse({
      id,
      servers: this.ids.map((member) => ({ host: '127.0.0.1', port: this.port(member) })),
      token: 'a token that is long enough',
      logLevel: 'error',
      ...(this.#options.ephemeral !== true && { dataFolder: this.folder(id) }),
      ...(this.#options.initial !== undefined && { prepopulateFile: join(this.root, 'prepopulate.json') }),
      ...this.#options.configuration,
      ...changes,
    });
  }

  server(id: number): RunningServer {
    const server = this.#running.get(id);
    if (server === undefined) throw new Error(`server ${id} does not run`);
    return server;
  }

  /** Starts one server that differs from the others. */
  async launchAs(id: number, changes: Partial<ServerConfiguration>): Promise<RunningServer> {
    const server = await startServer(this.configuration(id, changes));
    this.#running.set(id, server);
    return server;
  }

  async launch(...ids: number[]): Promise<void> {
    await Promise.all(ids.map((id) => this.launchAs(id, {})));
  }

  async ready(...ids: number[]): Promise<void> {
    for (const id of ids) await within(10_000, `server ${id} ready`, this.server(id).ready);
  }

  async stop(...ids: number[]): Promise<void> {
    await Promise.all(
      ids.map(async (id) => {
        const server = this.#running.get(id);
        this.#running.delete(id);
        await server?.stop();
      }),
    );
  }

  wipe(...ids: number[]): void {
    for (const id of ids) rmSync(this.folder(id), { recursive: true, force: true });
  }

  call(id: number, method: string, params: unknown): Promise<RpcReply> {
    return rpc(this.port(id), method, params);
  }

  result<T>(id: number, method: string, params?: unknown): Promise<T> {
    return result<T>(this.port(id), method, params);
  }

  status(id: number): Promise<ApiResult<'cluster.status'>> {
    return this.result(id, 'cluster.status', {});
  }

  /** Resolves once these servers have applied the same slots and know of no further one. */
  async equal(ids: readonly number[] = this.ids): Promise<void> {
    await waitFor('equal stores', async () => {
      const all = await Promise.all(ids.map((id) => this.status(id)));
      const [first] = all;
      return all.every(
        (s) => s.digest === first?.digest && s.applied === first.applied && s.applied >= s.highestChosen,
      );
    });
  }

  async close(): Promise<void> {
    await this.stop(...this.#running.keys());
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Servers 0 and 1 of three reach each other, and server 2 and they do not. */
export async function expectStranger(three: InProcessCluster): Promise<void> {
  const reachable = async (id: number): Promise<boolean[]> =>
    (await three.status(id)).peers.map((peer) => peer.reachable);
  await waitFor('the two that agree have met', async () =>
    (await Promise.all([reachable(0), reachable(1)])).every(([met]) => met === true),
  );
  expect(await reachable(1)).toEqual([true, false]);
  expect(await reachable(2)).toEqual([false, false]);
  expect((await three.status(0)).ready).toBe(false);
}
