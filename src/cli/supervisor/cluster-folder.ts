import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { formatAddress, type Address } from '../../network/address';
import { UsageError } from '../options';

/** What is asked of a cluster, besides its places. */
export type Asked = Pick<Cluster, 'protocol' | 'quorums'>;

/** What the servers of one cluster share and must never change while its data lives. */
export interface Cluster {
  readonly cluster: string;
  readonly token: string;
  readonly protocol: string;
  readonly quorums: string;
  readonly servers: string[];
}

const clusterFile = z.strictObject({
  cluster: z.string().min(1),
  token: z.string().min(16),
  protocol: z.string(),
  quorums: z.string().default('majority'),
  /** `host:port` of every server, in the order of their ids. */
  servers: z.array(z.string()).min(1),
  /** All servers have been ready once: from then on an empty server folder means a lost disk. */
  started: z.boolean(),
});
type ClusterFile = z.output<typeof clusterFile>;

export function newCluster({ protocol, quorums }: Asked, servers: readonly Address[]): Cluster {
  return {
    cluster: randomUUID(),
    token: randomBytes(32).toString('hex'),
    protocol,
    quorums,
    servers: servers.map(formatAddress),
  };
}

/** The folder `<data>/<basePort>`: `cluster.json` (readable by its owner only) and one folder per server. */
export class ClusterFolder {
  readonly path: string;
  #content: ClusterFile | undefined;

  /** Reads what is there, changes nothing. Throws UsageError when it does not fit the cluster asked for. */
  constructor(path: string, asked: Asked, servers: readonly Address[]) {
    this.path = path;
    this.#content = this.#read();
    if (this.#content === undefined) return;
    this.#refuseOther(this.#content, asked, servers.map(formatAddress));
    if (this.#content.started) this.#refuseLostDisk(this.#content);
  }

  serverFolder(id: number): string {
    return join(this.path, `server-${id}`);
  }

  /** The cluster that lives here; makes one on first use. */
  open(asked: Asked, servers: readonly Address[]): Cluster {
    return this.#content ?? this.#write({ ...newCluster(asked, servers), started: false });
  }

  /** To be called once all servers have been ready together. */
  markStarted(): void {
    if (this.#content?.started === false) this.#write({ ...this.#content, started: true });
  }

  get #file(): string {
    return join(this.path, 'cluster.json');
  }

  #read(): ClusterFile | undefined {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        throw new UsageError(`${this.#file} cannot be read: ${(error as Error).message}`);
      }
      if (existsSync(this.serverFolder(0))) {
        throw new UsageError(
          `${this.path} holds servers but no cluster.json: bring it back, or ${this.#waysOut()}`,
        );
      }
      return undefined;
    }
    try {
      return clusterFile.parse(JSON.parse(text));
    } catch {
      throw new UsageError(`${this.#file} is damaged: bring back a good copy, or ${this.#waysOut()}`);
    }
  }

  #refuseOther(found: ClusterFile, asked: Asked, servers: readonly string[]): void {
    const differences = [
      found.servers.length !== servers.length &&
        `has ${found.servers.length} servers, not ${servers.length} (--servers ${found.servers.length} fits)`,
      found.servers.length === servers.length &&
        found.servers.join() !== servers.join() &&
        `lives at ${found.servers[0]}..., not ${servers[0]}... (--host fits them)`,
      found.protocol !== asked.protocol &&
        `runs ${found.protocol}, not ${asked.protocol} (--protocol ${found.protocol} fits)`,
      found.quorums !== asked.quorums &&
        `has the quorums ${found.quorums}, not ${asked.quorums} (--quorums ${found.quorums} fits)`,
    ].filter((difference) => difference !== false);
    if (differences.length === 0) return;
    throw new UsageError(`the cluster in ${this.path} ${differences.join(' and ')}; or ${this.#waysOut()}`);
  }

  #refuseLostDisk(found: ClusterFile): void {
    const lost = found.servers.flatMap((_, id) => (isEmpty(this.serverFolder(id)) ? [id] : []));
    if (lost.length === 0) return;
    const who = lost.length === 1 ? `server ${lost[0]} has` : `servers ${lost.join(', ')} have`;
    throw new UsageError(
      `${who} lost the data in ${this.serverFolder(lost[0] ?? 0)}, and with it the promises made: ` +
        `put back that very folder (a copy from earlier is refused: it lacks promises made since), or ${this.#waysOut()}`,
    );
  }

  #waysOut(): string {
    return `choose another --data folder or base port, or remove ${this.path} to begin anew (this deletes its data)`;
  }

  #write(content: ClusterFile): ClusterFile {
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      const draft = `${this.#file}.new`;
      const descriptor = openSync(draft, 'w', 0o600);
      writeFileSync(descriptor, `${JSON.stringify(content, undefined, 2)}\n`);
      fsyncSync(descriptor);
      closeSync(descriptor);
      renameSync(draft, this.#file);
    } catch (error) {
      throw new UsageError(`the data folder cannot be written: ${(error as Error).message}`);
    }
    this.#content = content;
    return content;
  }
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw new UsageError(`${folder} cannot be read: ${(error as Error).message}`);
  }
}
