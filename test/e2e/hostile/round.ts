import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../../../src/core/random';
import type { TestCluster } from '../helpers/cluster';
import { resourcesOf, type Resources } from '../load/resources';
import { Target, type Attack, type Counts } from './attack';
import { withGoodClient, type Service } from './service';

const PEAK_MIB = 400;
const AFTER_MIB = 350;
const DESCRIPTORS = 20;
const SETTLE_MS = 20_000;
const SAMPLE_MS = 50;
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

/** Attacks one server of a cluster while a client that behaves calls it. */
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
      after = look() ?? after;
      if (grown(before, after).every((sentence) => sentence === undefined)) break;
      await sleep(100);
    }
  });
  const isAlive = cluster.isRunning(id);
  const round = { name: attack.name, counts, isAlive, before, peak, after, service };
  return { ...round, complaints: complaintsOf(round, attack.peakMib ?? PEAK_MIB) };
}

function most(a: Resources, b: Resources | undefined): Resources {
  return {
    anonymousMib: Math.max(a.anonymousMib, b?.anonymousMib ?? 0),
    descriptors: Math.max(a.descriptors, b?.descriptors ?? 0),
  };
}

function grown(before: Resources, after: Resources): (string | undefined)[] {
  const mib = after.anonymousMib - before.anonymousMib;
  const descriptors = after.descriptors - before.descriptors;
  return [
    mib > AFTER_MIB ? `${mib.toFixed()} MiB stayed behind` : undefined,
    // The one of the client that behaves is among them.
    descriptors > DESCRIPTORS ? `${descriptors} descriptors stayed behind` : undefined,
  ];
}

function complaintsOf(round: Omit<Round, 'complaints'>, peakMib: number): string[] {
  const { counts, isAlive, before, peak, after, service } = round;
  const grownBy = peak.anonymousMib - before.anonymousMib;
  const missing = Object.entries(counts).filter(([, count]) => count === 0);
  return [
    ...missing.map(([what]) => `the attack did not happen: no ${what}`),
    isAlive ? undefined : 'the server ended',
    ...(isAlive ? grown(before, after) : []),
    grownBy > peakMib ? `memory grew by ${grownBy.toFixed()} MiB meanwhile` : undefined,
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
