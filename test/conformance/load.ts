import type { ServerId } from '../../src/core/ballot';
import type { Protocol } from '../../src/core/replica';
import { Cluster } from '../support/cluster';
import { usualSettings } from '../support/settings';
import { unleash, type Chaos, type Damage } from './chaos';

/** Long enough for a server to start. */
export const START_MS = 20;
const CLIENTS_PER_SERVER = 2;

/** A cluster that is up. */
export async function start(protocol: Protocol, servers: number, seed: number): Promise<Cluster> {
  const cluster = new Cluster(
    (environment, machine) => protocol.create(environment, machine, usualSettings(environment)),
    servers,
    seed,
  );
  cluster.startAll();
  await cluster.world.time.run(START_MS);
  return cluster;
}

/** Lets the cluster come to rest, with equal logs everywhere, and checks what the clients were told. */
export async function settle(cluster: Cluster): Promise<void> {
  if (!(await cluster.settles(30_000)))
    cluster.world.observer.fail(
      'did not settle',
      cluster.upServers.map((id) => cluster.log(id).length).join(),
    );
  cluster.checkOutcomes();
}

export interface Load {
  readonly chaos: Chaos;
  readonly servers: number;
  readonly seed: number;
  readonly durationMs: number;
  /** Share of commands whose client gives them a moment only. */
  readonly impatience?: number;
}

/** Clients write one command after another at every server while chaos reigns; then all must come to rest and agree. */
export async function runLoad(protocol: Protocol, load: Load): Promise<Damage & { cluster: Cluster }> {
  const cluster = await start(protocol, load.servers, load.seed);
  const { damage, calm } = unleash(cluster, load.chaos);
  const { time, members, random } = cluster.world;
  const pauses = random.fork('clients');
  const end = time.now + load.durationMs;
  let commands = 0;
  const timeoutMs = (): number => (pauses.chance(load.impatience ?? 0) ? pauses.int(1, 200) : 5000);
  const client = (server: ServerId): void => {
    if (time.now >= end) return;
    const pauseMs = pauses.float() * 100;
    if (!cluster.hosts[server]!.isUp) {
      time.after(pauseMs, () => {
        client(server);
      });
      return;
    }
    const operation = cluster.submit(server, `command ${++commands}`, timeoutMs());
    const waitForIt = (): void => {
      if (operation.outcome === undefined) time.after(5, waitForIt);
      else
        time.after(pauseMs, () => {
          client(server);
        });
    };
    waitForIt();
  };
  for (let i = 0; i < CLIENTS_PER_SERVER; i++) members.forEach(client);
  await time.run(load.durationMs);
  calm();
  await settle(cluster);
  return { ...damage, cluster };
}
