import { EtcdCluster } from '../../bench/etcd/etcd-cluster';
import { NotInstalled, type System } from '../../bench/system';
import { RunningSynod } from '../../bench/synod/running-synod';
import { ZookeeperCluster } from '../../bench/zookeeper/zookeeper-cluster';
import type { Address } from '../../network/address';
import { UsageError } from '../options';
import type { ServerOptions } from '../server-options';
import { findFreePorts } from '../supervisor/ports';
import type { Reporter } from '../supervisor/reporter';
import { temporaryCluster } from '../supervisor/temporary-cluster';
import type { OtherName } from './options';

const OTHERS = { etcd: EtcdCluster, zookeeper: ZookeeperCluster } as const;

/** Throws UsageError when a program is missing. */
export function checkInstalled(names: readonly OtherName[]): void {
  try {
    for (const name of names) OTHERS[name].program();
  } catch (error) {
    if (error instanceof NotInstalled) throw new UsageError(error.message);
    throw error;
  }
}

/** A cluster of another system, on free ports, with data in a temporary folder. */
export function startOther(name: OtherName, servers: number, signal: AbortSignal): Promise<System> {
  return OTHERS[name].start({ servers, freePorts: findFreePorts, signal });
}

/** The cluster at these addresses. Throws UsageError when it cannot be measured. */
export async function runningSynod(servers: readonly Address[]): Promise<RunningSynod> {
  try {
    return await RunningSynod.at(servers, () => Promise.resolve());
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** A fresh cluster of ours. Its servers print to stderr. Throws an Error when it does not start, or `signal` aborts. */
export async function startSynod(
  servers: number,
  options: Partial<ServerOptions>,
  signal: AbortSignal,
): Promise<RunningSynod> {
  const reporter: Reporter = {
    line: (id, _stream, text) => process.stderr.write(`server ${id} | ${text}\n`),
    notice: (_level, text) => process.stderr.write(`${text}\n`),
  };
  const cluster = await temporaryCluster(servers, options, reporter, 'in a measurement');
  const { members, supervisor, remove } = cluster;
  const stop = (): void => {
    supervisor.stop();
  };
  signal.addEventListener('abort', stop, { once: true });
  const leave = async (): Promise<void> => {
    signal.removeEventListener('abort', stop);
    await remove();
  };
  try {
    signal.throwIfAborted();
    supervisor.start();
    const isReady = await Promise.race([
      supervisor.ready.then((ready) => ready === servers),
      supervisor.ended.then(() => false),
    ]);
    if (!isReady) throw new Error('the cluster did not start');
    return await RunningSynod.at(members, leave);
  } catch (error) {
    await leave();
    throw error;
  }
}
