import { connectionOptions, load, measure, type LoadSettings, type Row } from '../../bench/measure';
import { preload } from '../../bench/preload';
import type { Setup, System } from '../../bench/system';
import { runningSynod, startOther, startSynod } from './clusters';
import type { ServerOptions } from '../server-options';
import { loadSettings, type BenchOptions } from './options';

const WARM_UP_CLIENTS = 32;

/** A cluster that was measured. */
export interface Measured {
  readonly system: string;
  readonly version: string;
  readonly servers: number;
  readonly setup: Setup;
}

/** Told while the measurements go on. */
export interface Listener {
  /** The clusters of one size run. */
  started(measured: readonly Measured[]): void;
  notice(text: string): void;
  row(row: Row): void;
}

/** Measures everything that the options ask for, one cluster size after another. Throws when `signal` aborts. */
export async function runSession(
  options: BenchOptions,
  signal: AbortSignal,
  listener: Listener,
): Promise<Measured[]> {
  const measured: Measured[] = [];
  const { servers } = options;
  const sizes = servers.kind === 'fresh' ? servers.sizes : [servers.addresses.length];
  for (const size of sizes) {
    const systems: System[] = [];
    try {
      systems.push(
        servers.kind === 'running'
          ? await runningSynod(servers.addresses)
          : await startSynod(size, serverOptions(options), signal),
      );
      for (const name of options.against) systems.push(await startOther(name, size, signal));
      const started = systems.map(({ name, version, setup }) => ({
        system: name,
        version,
        servers: size,
        setup,
      }));
      measured.push(...started);
      listener.started(started);
      await measureAll(systems, options, signal, listener);
    } finally {
      await Promise.all(systems.map((system) => system.stop()));
    }
  }
  return measured;
}

/** What a fresh cluster is started with. */
function serverOptions(options: BenchOptions): Partial<ServerOptions> {
  const { protocol, quorums, thrifty, lease, maxClockDrift, ephemeral } = options;
  return {
    protocol,
    quorums,
    maxClockDrift,
    ...(thrifty === true && { thrifty }),
    ...(lease !== undefined && { lease }),
    ...(ephemeral === true && { ephemeral }),
  };
}

/** All cases on systems that run side by side. */
async function measureAll(
  systems: readonly System[],
  options: BenchOptions,
  signal: AbortSignal,
  listener: Listener,
): Promise<void> {
  const settings = loadSettings(options);
  let made = 0;
  for (const [index, keys] of options.keys.entries()) {
    for (const system of systems) {
      if (keys > made) {
        listener.notice(`${system.name}: making ${keys - made} keys ...`);
        await preload(system, { from: made, to: keys }, connectionOptions(settings), signal);
      }
      if (index === 0)
        await warmUp(system, keys, { ...settings, durationMs: options.warmUp }, signal, listener);
      signal.throwIfAborted();
    }
    made = Math.max(made, keys);
    for (const target of options.target)
      for (const clients of options.clients)
        for (let round = 1; round <= roundsOf(options); round++)
          for (const system of systems) {
            const which = { servers: system.servers.length, keys, target, clients };
            const row = await measure(system, which, round, settings, signal);
            signal.throwIfAborted();
            listener.row(row);
          }
  }
}

export function roundsOf({ rounds, against }: BenchOptions): number {
  return rounds ?? (against.length > 0 ? 3 : 1);
}

/** Until the servers' code is compiled by their engines and their connections stand. */
async function warmUp(
  system: System,
  keys: number,
  settings: LoadSettings,
  signal: AbortSignal,
  listener: Listener,
): Promise<void> {
  listener.notice(`${system.name}: warming up for ${settings.durationMs / 1000} s ...`);
  const closedLoop = { ...settings, arrivals: undefined };
  await load(system, { keys, target: 'all', clients: WARM_UP_CLIENTS }, closedLoop, signal);
}
