import { setTimeout as sleep } from 'node:timers/promises';
import { formatAddress, type Address } from '../../network/address';
import { FramedConnection } from '../framed-connection';
import { metricsOf, sumOf, total } from '../prometheus';
import type { Connection, ConnectionOptions, Setup, Spent, System } from '../system';
import { httpWire } from './http-wire';

const ELECTION_MS = 10_000;
const SENT = ['direction="sent"'];

interface Status {
  readonly protocol: string;
  readonly storage: 'durable' | 'ephemeral';
  readonly version: string;
  readonly quorums: { readonly system: string; readonly thrifty: boolean };
  /** Null while there is none; absent in a protocol without leaders. */
  readonly leader?: number | null;
}

/** A cluster of Synod that runs already. */
export class RunningSynod implements System {
  readonly name = 'synod';
  readonly canBatch = true;
  readonly servers: readonly Address[];
  readonly version: string;
  readonly setup: Setup;
  readonly #stop: () => Promise<void>;

  private constructor(servers: readonly Address[], status: Status, stop: () => Promise<void>) {
    this.servers = servers;
    this.version = status.version;
    const { protocol, quorums, storage } = status;
    this.setup = {
      durability: storage,
      protocol,
      quorums: `${quorums.system}${quorums.thrifty ? ', thrifty' : ''}`,
    };
    this.#stop = stop;
  }

  /** Throws an Error that names the first server that does not answer, or is not ready. */
  static async at(servers: readonly Address[], stop: () => Promise<void>): Promise<RunningSynod> {
    for (const server of servers) {
      const name = formatAddress(server);
      const response = await fetch(`http://${name}/readyz`, { signal: AbortSignal.timeout(5000) }).catch(
        () => undefined,
      );
      if (response === undefined) throw new Error(`${name} does not answer`);
      if (!response.ok) throw new Error(`${name} is not ready: ${(await response.text()).trim()}`);
    }
    const [first] = servers;
    if (first === undefined) throw new Error('no server is named');
    return new RunningSynod(servers, await statusOf(first), stop);
  }

  async leader(): Promise<number> {
    const [first] = this.servers;
    const deadlineMs = performance.now() + ELECTION_MS;
    for (;;) {
      const leader = first === undefined ? undefined : (await statusOf(first)).leader;
      if (typeof leader === 'number') return leader;
      if (leader === undefined || performance.now() > deadlineMs) return 0;
      await sleep(100);
    }
  }

  connect(server: Address, options: ConnectionOptions): Connection {
    return new FramedConnection(server, httpWire(server, options), options.timeoutMs);
  }

  async spent(): Promise<Spent> {
    const pages = await metricsOf(this.servers.map((server) => `http://${formatAddress(server)}/metrics`));
    const sum = (metric: string, labels?: readonly string[]): number | undefined =>
      total(pages.map((page) => sumOf(page, metric, labels)));
    return {
      cpuSeconds: sum('process_cpu_seconds_total'),
      // Counters that were never incremented are not on the page.
      peerMessages: sum('synod_messages_total', SENT) ?? 0,
      peerBytes: sum('synod_message_bytes_total', SENT) ?? 0,
      memoryBytes: sum('process_resident_memory_bytes'),
    };
  }

  stop(): Promise<void> {
    return this.#stop();
  }
}

async function statusOf(server: Address): Promise<Status> {
  const name = formatAddress(server);
  const response = await fetch(`http://${name}/rpc`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'cluster.status' }),
    signal: AbortSignal.timeout(5000),
  });
  const { result } = (await response.json()) as { readonly result?: Status };
  if (result === undefined) throw new Error(`${name} does not say how it is`);
  return result;
}
