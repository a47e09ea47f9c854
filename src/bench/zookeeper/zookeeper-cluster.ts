import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Address } from '../../network/address';
import { ChildGroup, findProgram } from '../child-group';
import { FramedConnection } from '../framed-connection';
import {
  NotInstalled,
  type Connection,
  type ConnectionOptions,
  type Spent,
  type StartPlan,
  type System,
} from '../system';
import { zookeeperWire } from './zookeeper-wire';

const READY_WITHIN_MS = 60_000;
const HOST = '127.0.0.1';
/** Where Debian's package puts the program; the libraries it needs are named inside. */
const PROGRAM_JAR = '/usr/share/java/zookeeper.jar';
const MAIN_CLASS = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';

/** A ZooKeeper ensemble of its own, with its defaults: it syncs its log before it answers. */
export class ZookeeperCluster implements System {
  readonly name = 'zookeeper';
  readonly canBatch = false;
  readonly setup = { durability: 'durable' } as const;
  readonly servers: readonly Address[];
  readonly #children: ChildGroup;
  #version = 'unknown';

  private constructor(servers: readonly Address[], children: ChildGroup) {
    this.servers = servers;
    this.#children = children;
  }

  /** Throws NotInstalled; or an Error that says why it did not start. */
  static async start(plan: StartPlan): Promise<ZookeeperCluster> {
    const program = ZookeeperCluster.program();
    const base = await plan.freePorts(3 * plan.servers);
    const ports = Array.from({ length: plan.servers }, (_, id) => base + 3 * id);
    const children = new ChildGroup();
    const cluster = new ZookeeperCluster(
      ports.map((port) => ({ host: HOST, port })),
      children,
    );
    for (const [id, port] of ports.entries()) {
      const file = writeConfiguration(join(children.folder, `server-${id}`), id, port, ports);
      const argv = ['-Xmx512m', '-Dzookeeper.admin.enableServer=false', '-cp', PROGRAM_JAR, MAIN_CLASS, file];
      children.start(`ZooKeeper server ${id}`, program, argv, process.env);
    }
    await children.untilReady(() => cluster.#isReady(), READY_WITHIN_MS, plan.signal);
    return cluster;
  }

  static program(): string {
    const java = findProgram('java');
    if (java === undefined || !existsSync(PROGRAM_JAR))
      throw new NotInstalled('ZooKeeper is not installed: on Debian, apt-get install zookeeperd brings it');
    return java;
  }

  get version(): string {
    return this.#version;
  }

  async leader(): Promise<number> {
    const modes = await Promise.all(this.servers.map(serverState));
    return Math.max(
      0,
      modes.findIndex((mode) => mode.includes('Mode: leader')),
    );
  }

  connect(server: Address, options: ConnectionOptions): Connection {
    return new FramedConnection(server, zookeeperWire(options), options.timeoutMs);
  }

  spent(): Promise<Spent> {
    return Promise.resolve({ ...this.#children.spent(), peerMessages: undefined, peerBytes: undefined });
  }

  stop(): Promise<void> {
    return this.#children.stop();
  }

  async #isReady(): Promise<boolean> {
    const states = await Promise.all(this.servers.map((server) => serverState(server).catch(() => '')));
    this.#version = /Zookeeper version: ([\d.]+)/.exec(states[0] ?? '')?.[1] ?? 'unknown';
    return states.every((state) => /^Mode: (leader|follower|standalone)$/m.test(state));
  }
}

/** What a server says to the four-letter word `srvr`. */
async function serverState({ host, port }: Address): Promise<string> {
  const socket = createConnection({ host, port, timeout: 2000 });
  socket.on('timeout', () => socket.destroy(new Error('no answer')));
  socket.end('srvr');
  return await text(socket);
}

/** Each server has three ports: for clients, for its followers, for elections. */
function writeConfiguration(folder: string, id: number, port: number, all: readonly number[]): string {
  mkdirSync(folder);
  writeFileSync(join(folder, 'myid'), `${id + 1}\n`);
  const file = join(folder, 'zoo.cfg');
  const lines = [
    ...['tickTime=2000', 'initLimit=10', 'syncLimit=5', 'maxClientCnxns=0'],
    ...[
      `dataDir=${folder}`,
      `clientPort=${port}`,
      `clientPortAddress=${HOST}`,
      '4lw.commands.whitelist=srvr',
    ],
    ...(all.length === 1
      ? []
      : all.map((each, number) => `server.${number + 1}=${HOST}:${each + 1}:${each + 2}`)),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}
