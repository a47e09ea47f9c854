import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SESSION_LIMITS } from '../../kv/sessions';
import type { Address } from '../../network/address';
import type { ServerOptions } from '../server-options';
import { ClusterFolder } from './cluster-folder';
import { findPrepopulateFile, membersAt, SERVER_PROGRAM, supervisorPlan } from './plan';
import { findFreePorts } from './ports';
import type { Reporter } from './reporter';
import { Supervisor } from './supervisor';

const DEFAULTS: ServerOptions = {
  acceptorFailures: 0,
  protocol: 'paxos',
  quorums: 'majority',
  maxClockDrift: 0.01,
  logLevel: 'warn',
  logFormat: 'pretty',
  operationTimeout: 4000,
  sessionClients: SESSION_LIMITS.clients,
};

export interface TemporaryCluster {
  readonly members: readonly Address[];
  readonly supervisor: Supervisor;
  /** Stops the servers, if they run, and removes their data. */
  readonly remove: () => Promise<void>;
}

/** A cluster on free ports of this machine, not started yet, with data in a folder of its own. */
export async function temporaryCluster(
  servers: number,
  changes: Partial<ServerOptions>,
  reporter: Reporter,
  noRestartBecause?: string,
): Promise<TemporaryCluster> {
  const host = '127.0.0.1';
  const options = { ...DEFAULTS, ...changes };
  const prepopulateFile = findPrepopulateFile(options.prepopulate);
  const members = membersAt(host, await findFreePorts(servers), servers);
  const root = mkdtempSync(join(tmpdir(), 'synod-'));
  const clusterFolder = new ClusterFolder(root, options, members);
  const cluster = clusterFolder.open(options, members);
  const folder = options.ephemeral === true ? undefined : clusterFolder;
  const plan = supervisorPlan({
    program: SERVER_PROGRAM,
    members,
    cluster,
    folder,
    host,
    prepopulateFile,
    options,
  });
  const supervisor = new Supervisor({ ...plan, noRestartBecause }, reporter);
  const remove = async (): Promise<void> => {
    supervisor.stop();
    await supervisor.ended;
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  };
  return { members, supervisor, remove };
}
