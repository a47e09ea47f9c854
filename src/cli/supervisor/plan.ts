import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Address } from '../../network/address';
import { readPrepopulate } from '../../server/prepopulate-file';
import { PACKAGE_ROOT } from '../options';
import { serverArguments, type ServerOptions } from '../server-options';
import type { Cluster, ClusterFolder } from './cluster-folder';
import { wantsColour } from './reporter';
import type { SupervisorPlan } from './supervisor';

export const SERVER_PROGRAM = join(PACKAGE_ROOT, 'bin', 'server');

export interface ClusterPlan {
  readonly program: string;
  readonly members: readonly Address[];
  readonly cluster: Cluster;
  /** Undefined: everything in memory. */
  readonly folder: ClusterFolder | undefined;
  readonly host: string;
  readonly prepopulateFile: string;
  readonly options: ServerOptions;
}

/** The command line and the environment of every server of a cluster. */
export function supervisorPlan(plan: ClusterPlan): SupervisorPlan {
  const { cluster, folder } = plan;
  return {
    program: plan.program,
    arguments: plan.members.map((_, id) => [
      ...['--id', String(id), '--servers', cluster.servers.join(), '--cluster', cluster.cluster],
      ...['--host', plan.host, '--prepopulate', plan.prepopulateFile],
      ...(folder === undefined ? [] : ['--data', resolve(folder.serverFolder(id))]),
      ...serverArguments(plan.options),
    ]),
    environment: environmentOf(cluster),
  };
}

/** `count` servers on consecutive ports. */
export function membersAt(host: string, basePort: number, count: number): Address[] {
  return Array.from({ length: count }, (_, id) => ({ host, port: basePort + id }));
}

/**
 * The file asked for, else that of the current folder, else that of the package. Throws StartRefused when its content
 * cannot be used.
 */
export function findPrepopulateFile(asked?: string): string {
  const folder = existsSync('prepopulate.json') ? '.' : PACKAGE_ROOT;
  const file = asked ?? join(folder, 'prepopulate.json');
  readPrepopulate(file);
  return resolve(file);
}

/** The servers are told everything by arguments; only the token, which no process list may show, by a variable. */
function environmentOf(cluster: Cluster): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('SYNOD_') || name === 'SYNOD_DEBUG',
  );
  const colour = wantsColour(process.stdout)
    ? { FORCE_COLOR: '1', NO_COLOR: undefined }
    : { NO_COLOR: '1', FORCE_COLOR: undefined };
  return { ...Object.fromEntries(others), ...colour, SYNOD_TOKEN: cluster.token };
}
