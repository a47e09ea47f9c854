import { SeededRandom } from '../../../src/core/random';
import type { TestCluster } from '../helpers/cluster';
import { assertJudged, type Judged } from './judge';
import type { SwitchedNetwork } from './switched-network';
import type { StartJudged } from './with-cluster';

const CUTS = ['symmetric', 'one-way', 'bridge'] as const;

/** Two sides of the five servers between which nothing passes, or, one-way, nothing from the first to the second. */
interface Partition {
  readonly cut: (typeof CUTS)[number];
  readonly sides: readonly [readonly number[], readonly number[]];
  /** Stands between the sides and reaches both: then both have a quorum. */
  readonly bridge: number | undefined;
}

export interface PartitionRound extends Partition {
  readonly number: number;
  /** Packets that did not pass. */
  readonly dropped: number;
  /** Writes and linearizable reads that began and succeeded while the network was cut. */
  readonly acknowledged: number;
  /** Operations at servers without a quorum that began and did not succeed meanwhile. */
  readonly refused: number;
  readonly judged: Judged;
  readonly digest: string;
  readonly durationMs: number;
}

/** The servers are to be started with it. */
export const OPERATION_TIMEOUT_MS = 1000;
export const SERVERS = 5;

const CLIENTS = 2 * SERVERS;
/** Operations to wait for before, during and after the cut. */
const PER_PART = 30;

/**
 * Cuts the network between real servers in the middle of a load, heals it and judges the history, round after round on
 * the same five. Each client talks to one server only. Rejects when anything is not as it must be.
 */
export async function* partitionRounds(
  cluster: TestCluster,
  network: SwitchedNetwork,
  startJudged: StartJudged,
  { rounds, seed }: { rounds: number; seed: number },
): AsyncGenerator<PartitionRound> {
  for (let number = 1; number <= rounds; number++) {
    const random = new SeededRandom(seed).fork(`round ${number}`);
    const ids = cluster.ids
      .map((id) => ({ id, rank: random.float() }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ id }) => id);
    const cut = CUTS[(number - 1) % CUTS.length] ?? 'symmetric';
    const bridge = cut === 'bridge' ? ids.pop() : undefined;
    const smaller = cut === 'bridge' ? 2 : random.int(1, 2);
    const sides = [ids.slice(0, smaller), ids.slice(smaller)] as const;
    const startedAt = performance.now();
    const result = await partitionRound(
      cluster,
      network,
      startJudged,
      `${cut}-${number}`,
      random.int(0, 2 ** 32 - 1),
      {
        cut,
        sides,
        bridge,
      },
    );
    yield { number, ...result, durationMs: performance.now() - startedAt };
  }
}

async function partitionRound(
  cluster: TestCluster,
  network: SwitchedNetwork,
  startJudged: StartJudged,
  name: string,
  seed: number,
  partition: Partition,
): Promise<Omit<PartitionRound, 'number' | 'durationMs'>> {
  const { cut, sides, bridge } = partition;
  const addressesOf = (ids: readonly number[]): string[] => ids.map((id) => cluster.address(id));
  // One attempt, and time for its answer.
  const deadlineMs = 1.5 * OPERATION_TIMEOUT_MS;
  const load = startJudged({ clients: CLIENTS, seed, name, isPinned: true, deadlineMs });
  await load.untilFurther(PER_PART);

  const from = load.now;
  network.cut(sides[0], sides[1]);
  if (cut !== 'one-way') network.cut(sides[1], sides[0]);
  const minority = bridge === undefined ? addressesOf(sides[0]) : [];
  const others = addressesOf(cluster.ids).filter((address) => !minority.includes(address));
  await load.untilFurther(PER_PART);
  await cluster.waitUntil(
    'those with a quorum succeed, those without have tried',
    () =>
      others.every((address) => load.acknowledged({ from, servers: [address] }).length > 0) &&
      minority.every((address) => load.refused(from, [address]).length > 0),
  );
  const acknowledged = load.acknowledged({ from });
  const refused = load.refused(from, minority);
  const droppedByEach = network.heal();

  const lies = acknowledged.filter(({ server = '' }) => minority.includes(server));
  if (lies.length > 0) throw new Error(`${name}: acknowledged without a quorum: ${JSON.stringify(lies)}`);
  if (!droppedByEach.every((packets) => packets > 0))
    throw new Error(`${name}: packets dropped by each cut: ${droppedByEach.join(', ')}`);
  const healed = load.now;
  await cluster.waitUntil('every server succeeds again', () =>
    cluster.addresses.every((address) => load.acknowledged({ from: healed, servers: [address] }).length > 0),
  );
  await load.stop();
  const digest = await cluster.waitEqual();
  const judged = assertJudged(name, load.events, 3 * PER_PART);
  const dropped = droppedByEach.reduce((sum, packets) => sum + packets, 0);
  return {
    ...partition,
    dropped,
    acknowledged: acknowledged.length,
    refused: refused.length,
    judged,
    digest,
  };
}
