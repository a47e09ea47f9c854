import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { formatAddress, type Address } from '../../network/address';
import { ChildGroup, findProgram } from '../child-group';
import { metricsOf, sumOf, total } from '../prometheus';
import {
  NotInstalled,
  type Connection,
  type ConnectionOptions,
  type Spent,
  type StartPlan,
  type System,
} from '../system';
import { GrpcSessions } from './grpc-connection';

const READY_WITHIN_MS = 30_000;
const HOST = '127.0.0.1';

/** An etcd cluster of its own, as Debian's package runs it: it syncs its log before it answers. */
export class EtcdCluster implements System {
  readonly name = 'etcd';
  readonly canBatch = false;
  readonly setup = { durability: 'durable' } as const;
  readonly servers: readonly Address[];
  readonly version: string;
  readonly #children: ChildGroup;
  readonly #sessions = new GrpcSessions();

  private constructor(servers: readonly Address[], version: string, children: ChildGroup) {
    this.servers = servers;
    this.version = version;
    this.#children = children;
  }

  /** Throws NotInstalled; or an Error that says why it did not start. */
  static async start(plan: StartPlan): Promise<EtcdCluster> {
    const program = EtcdCluster.program();
    const version = /etcd Version: (\S+)/.exec(
      execFileSync(program, ['--version'], { encoding: 'utf8' }),
    )?.[1];
    const base = await plan.freePorts(2 * plan.servers);
    const clientUrl = (id: number): string => `http://${HOST}:${base + 2 * id}`;
    const peerUrl = (id: number): string => `http://${HOST}:${base + 2 * id + 1}`;
    const ids = Array.from({ length: plan.servers }, (_, id) => id);
    const children = new ChildGroup();
    const cluster = new EtcdCluster(
      ids.map((id) => ({ host: HOST, port: base + 2 * id })),
      version ?? 'unknown',
      children,
    );
    for (const id of ids)
      children.start(
        `etcd server ${id}`,
        program,
        [
          ...['--name', `s${id}`, '--data-dir', join(children.folder, `s${id}`)],
          ...['--listen-client-urls', clientUrl(id), '--advertise-client-urls', clientUrl(id)],
          ...['--listen-peer-urls', peerUrl(id), '--initial-advertise-peer-urls', peerUrl(id)],
          ...['--initial-cluster', ids.map((each) => `s${each}=${peerUrl(each)}`).join()],
          ...['--initial-cluster-state', 'new', '--initial-cluster-token', `bench-${base}`],
        ],
        environment(),
      );
    await children.untilReady(() => cluster.#isReady(), READY_WITHIN_MS, plan.signal);
    return cluster;
  }

  static program(): string {
    const program = findProgram('etcd');
    if (program === undefined)
      throw new NotInstalled('etcd is not installed: on Debian, apt-get install etcd-server brings it');
    return program;
  }

  async leader(): Promise<number> {
    for (const [index, server] of this.servers.entries()) {
      const response = await fetch(`http://${formatAddress(server)}/v3/maintenance/status`, {
        method: 'POST',
        body: '{}',
        signal: AbortSignal.timeout(5000),
      });
      const { header, leader } = (await response.json()) as {
        readonly header?: { readonly member_id?: string };
        readonly leader?: string;
      };
      if (leader !== undefined && leader === header?.member_id) return index;
    }
    return 0;
  }

  connect(server: Address, options: ConnectionOptions): Connection {
    return this.#sessions.connect(server, options);
  }

  async spent(): Promise<Spent> {
    const pages = await metricsOf(this.servers.map((server) => `http://${formatAddress(server)}/metrics`));
    const sum = (metric: string): number | undefined => total(pages.map((page) => sumOf(page, metric)));
    return {
      cpuSeconds: sum('process_cpu_seconds_total'),
      peerMessages: undefined,
      peerBytes: sum('etcd_network_peer_sent_bytes_total'),
      memoryBytes: sum('process_resident_memory_bytes'),
    };
  }

  stop(): Promise<void> {
    return this.#children.stop();
  }

  async #isReady(): Promise<boolean> {
    const healthy = this.servers.map(async (server) => {
      const response = await fetch(`http://${formatAddress(server)}/health`, {
        signal: AbortSignal.timeout(2000),
      });
      return ((await response.json()) as { readonly health?: string }).health === 'true';
    });
    return (await Promise.allSettled(healthy)).every((each) => each.status === 'fulfilled' && each.value);
  }
}

/** Settings of the user's own etcd must not reach this one. */
function environment(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('ETCD'));
  // Without it etcd 3.4 refuses to run on anything but x86-64.
  const architecture = process.arch === 'x64' ? {} : { ETCD_UNSUPPORTED_ARCH: process.arch };
  return { ...Object.fromEntries(others), ...architecture };
}
