import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../../../src/core/random';
import { CONNECTIONS_TO_PEER } from '../../../src/network/json-rpc-transport';
import type { TestCluster } from '../helpers/cluster';
import { resourcesOf, type Resources } from '../load/resources';
import { Target, type Attack, type Counts } from './attack';
import { withGoodClient, type Service } from './service';

const PEAK_MIB = 400;
const KEPT_MIB = 200;
/** The connection of the client that behaves, files that are opened for a moment. */
const DESCRIPTORS = 4;
const SETTLE_MS = 20_000;
const SAMPLE_MS = 50;
/** Longer than a collection of garbage takes. */
const COLLECTION_MS = 500;
/** The name of a cluster that was given none. */
const CLUSTER = 'synod';
const WARM_UP_MS = 500;

/** One attack and what it did to the server and to a client that behaves. */
export interface Round {
  readonly name: string;
  readonly counts: Counts;
  readonly isAlive: boolean;
  readonly before: Resources;
  /** The most of each, sampled. */
  readonly peak: Resources;
  /** Once every connection of the attack is closed. */
  readonly after: Resources;
  readonly service: Service;
  /** What is not as it must be, as sentences. */
  readonly complaints: readonly string[];
}

/** What a server that is attacked is started with: it collects its garbage when it is told to. */
export const ATTACKED = { NODE_OPTIONS: `--require=${resolve(__dirname, 'helpers/collect-garbage.js')}` };

/** Attacks one server of a cluster, started with ATTACKED, while a client that behaves calls it. */
export async function runRound(
  cluster: TestCluster,
  id: number,
  attack: Attack,
  seed: number,
  isLong: boolean,
): Promise<Round> {
  const random = new SeededRandom(seed).fork(attack.name);
  const target = new Target(cluster.port(id), { token: cluster.token, cluster: CLUSTER }, random, isLong);
  const look = (): Resources | undefined => {
    const seen = cluster.isRunning(id) ? resourcesOf(cluster, id) : undefined;
    // A process that just ended has no memory.
    return seen === undefined || Number.isNaN(seen.anonymousMib) ? undefined : seen;
  };
  // A server that has just begun opens further connections to its peers, and code that was never run takes memory.
  await withGoodClient(cluster.port(id), () => sleep(WARM_UP_MS));
  const before = resourcesOf(cluster, id);
  const bounds = {
    peakMib: attack.peakMib ?? PEAK_MIB,
    keptMib: attack.keptMib ?? KEPT_MIB,
    // Peers and this server open connections to each other as they have more to say.
    descriptors: DESCRIPTORS + 2 * (cluster.ids.length - 1) * CONNECTIONS_TO_PEER,
  };
  let counts: Counts = {};
  let peak = before;
  let after = before;
  const watch = setInterval(() => (peak = most(peak, look())), SAMPLE_MS);
  const service = await withGoodClient(cluster.port(id), async () => {
    try {
      counts = await attack.run(target);
      peak = most(peak, look());
    } finally {
      clearInterval(watch);
      target.closeAll();
    }
    const end = performance.now() + SETTLE_MS;
    while (cluster.isRunning(id) && performance.now() < end) {
      cluster.process(id).signal('SIGUSR2');
      await sleep(COLLECTION_MS);
      after = look() ?? after;
      if (grown(before, after, bounds).every((sentence) => sentence === undefined)) break;
    }
  });
  const isAlive = cluster.isRunning(id);
  const round = { name: attack.name, counts, isAlive, before, peak, after, service };
  return { ...round, complaints: complaintsOf(round, bounds) };
}

function most(a: Resources, b: Resources | undefined): Resources {
  return {
    anonymousMib: Math.max(a.anonymousMib, b?.anonymousMib ?? 0),
    descriptors: Math.max(a.descriptors, b?.descriptors ?? 0),
  };
}

interface Bounds {
  readonly peakMib: number;
  readonly keptMib: number;
  readonly descriptors: number;
}

function grown(before: Resources, after: Resources, bounds: Bounds): (string | undefined)[] {
  const mib = after.anonymousMib - before.anonymousMib;
  const descriptors = after.descriptors - before.descriptors;
  return [
    mib > bounds.keptMib ? `${mib.toFixed()} MiB stayed behind` : undefined,
    descriptors > bounds.descriptors ? `${descriptors} descriptors stayed behind` : undefined,
  ];
}

function complaintsOf(round: Omit<Round, 'complaints'>, bounds: Bounds): string[] {
  const { counts, isAlive, before, peak, after, service } = round;
  const grownBy = peak.anonymousMib - before.anonymousMib;
  const missing = Object.entries(counts).filter(([, count]) => count === 0);
  return [
    ...missing.map(([what]) => `the attack did not happen: no ${what}`),
    isAlive ? undefined : 'the server ended',
    ...(isAlive ? grown(before, after, bounds) : []),
    grownBy > bounds.peakMib ? `memory grew by ${grownBy.toFixed()} MiB meanwhile` : undefined,
    service.operations > 0 ? undefined : 'nothing of the client that behaves succeeded',
    Object.keys(service.failures).includes('wrong value') ? 'a wrong value was read' : undefined,
  ].filter((sentence) => sentence !== undefined);
}

/** One row of the table. */
export function rowOf(round: Round): string {
  const { name, counts, isAlive, before, peak, after, service } = round;
  const mib = [before, peak, after].map(({ anonymousMib }) => anonymousMib.toFixed()).join(' / ');
  const descriptors = [before, peak, after].map((each) => each.descriptors).join(' / ');
  const text = (of: Counts): string =>
    Object.entries(of)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ');
  const failed = Object.keys(service.failures).length === 0 ? '' : `; failed: ${text(service.failures)}`;
  return (
    `| ${name} | ${isAlive ? 'alive' : 'DEAD'} | ${mib} | ${descriptors} | ${service.p99Ms.toFixed()} / ${service.maxMs.toFixed()}; ` +
    `${service.operations} done${failed} | ${text(counts)} |`
  );
}

export const TABLE_HEAD = [
  '| attack | server | MiB before / most / after | descriptors before / most / after | good client: p99 / longest ms | counts |',
  '|---|---|---|---|---|---|',
].join('\n');
