import type { ServerId } from '../core/ballot';
import type { Random } from '../core/environment';
import { SeededRandom } from '../core/random';
import type { ReadLevel } from '../history/history';
import type { ProtocolName } from '../protocols/registry';
import { drawFaults } from './draw-faults';
import { drawForming } from './draw-forming';
import { drawDigestSlots, drawLoad } from './draw-load';
import { drawLaneFaults, drawLimits, drawOutpaced, drawVeryLate } from './draw-services';
import { drawLeaderFaults, drawLease, keepsLease } from './draw-leader-faults';
import { drawCluster, type ClusterWishes } from './draw-quorums';
import { drawKeySpace, drawLogLimits, drawState, type KeySpace } from './draw-state';
import { drawVisitors } from './draw-visitors';
import { judgedQuorums, type JudgedQuorums } from './judged-quorums';
import { pick, shuffled, sometimes } from './random-picks';
import { PATIENT_MS } from './scenario';
import type { NetworkWeather, PlannedClient, PlannedRequest, ProtocolVariation, Scenario } from './scenario';

/** Messages one after the other that an operation may take, by way of a leader elsewhere: who waits for fewer gets nothing done. */
const TRIPS = 8;

/** What the user of the simulator fixes; the rest is drawn. */
export interface Wishes extends ClusterWishes {
  readonly protocol: ProtocolName;
  readonly read?: ReadLevel | undefined;
}

/** The run that belongs to a seed. */
export function drawScenario(seed: number, wishes: Wishes): Scenario {
  const random = new SeededRandom(seed);
  const { servers, quorums, thrifty } = drawCluster(random, wishes);
  const judged = judgedQuorums(quorums, servers);
  const members = Array.from({ length: servers }, (_, id) => id);
  const safetyMs = random.fork('length').int(4, 14) * 1000;
  const operationTimeoutMs = pick(random.fork('operation timeout'), [300, 1000, 4000]);
  const network = drawNetwork(random.fork('network'));
  const leastPatienceMs = TRIPS * (2 * network.latencyMs + network.jitterMs);
  const space = drawKeySpace(random.fork('keys'));
  const load = { members, space, safetyMs, operationTimeoutMs, leastPatienceMs };
  const plain = drawClients(random.fork('clients'), load, wishes.read);
  const regulars = drawLoad(random.fork('load'), plain, space.keys[0] ?? 'hot', wishes.read);
  const attemptTimeoutMs = Math.max(leastPatienceMs, operationTimeoutMs);
  const visitors = drawVisitors(
    random.fork('visitors'),
    { ...load, keys: space.keys, attemptTimeoutMs },
    wishes.read,
  );
  const clients = [...regulars, ...visitors];
  const forming = drawForming(random.fork('forming'), members, clients.length);
  const anyFaults = drawFaults(random.fork('faults'), members, clients.length, safetyMs, (left) =>
    hasQuorums(judged, left),
  );
  const lease = hasLeader(wishes.protocol) ? drawLease(random.fork('lease')) : undefined;
  const faults = anyFaults.filter((fault) => lease === undefined || keepsLease(fault, lease));
  if (hasLeader(wishes.protocol)) {
    faults.push(...drawLeaderFaults(random.fork('leader faults'), members, safetyMs, lease !== undefined));
    faults.push(...drawOutpaced(random.fork('outpaced'), members, safetyMs));
  }
  faults.push(...drawLaneFaults(random.fork('lane faults'), members, safetyMs));
  faults.sort((a, b) => a.atMs - b.atMs);
  const wiped = new Set(faults.flatMap((fault) => (fault.kind === 'wiped disk' ? [fault.server] : [])));
  const able = members.filter((member) => !wiped.has(member));
  return {
    seed,
    protocol: wishes.protocol,
    variation: { ...drawVariation(random.fork('variation')), ...drawLimits(random.fork('limits')) },
    servers,
    quorums,
    thrifty,
    ...(lease && { lease }),
    safetyMs,
    network: { ...network, ...drawVeryLate(random.fork('very late')) },
    ...drawDigestSlots(random.fork('digest')),
    syncMs: pick(random.fork('sync'), [0.1, 1, 5, 30]),
    operationTimeoutMs,
    acceptorFailure: pick(random.fork('acceptor failure'), [0, 0, 0.1, 0.25]),
    state: drawState(random.fork('state'), space.keys),
    ...(forming && { forming }),
    clients,
    faults,
    core: drawCore(shuffled(random.fork('core'), able), judged),
  };
}

function hasLeader(protocol: ProtocolName): boolean {
  return protocol === 'multi-paxos';
}

/** Whether these servers get something done alone. */
function hasQuorums(quorums: JudgedQuorums, servers: readonly ServerId[]): boolean {
  const set = new Set(servers);
  return quorums.isPhase1Quorum(set) && quorums.isPhase2Quorum(set);
}

/** The first few that get something done. */
function drawCore(order: readonly ServerId[], quorums: JudgedQuorums): ServerId[] {
  const few = order.findIndex((_, index) => hasQuorums(quorums, order.slice(0, index + 1)));
  return order.slice(0, few + 1);
}

function drawVariation(random: Random): ProtocolVariation {
  const limits = drawLogLimits(random.fork('limits'));
  if (random.chance(0.5)) return limits;
  const timing = {
    resendMs: pick(random, [5, 50, 200]),
    phaseTimeoutMs: pick(random, [100, 1000]),
    gapMs: pick(random, [5, 30, 200]),
    // Servers that exchange their positions more seldom take each other for unreachable now and then.
    gossipMs: pick(random, [100, 500, 1000]),
  };
  return { ...limits, timing };
}

function drawNetwork(random: Random): NetworkWeather {
  return {
    latencyMs: pick(random, [0.2, 1, 10]),
    jitterMs: pick(random, [0.1, 1, 20]),
    loss: sometimes(random, 0.3),
    duplication: sometimes(random, 0.5),
    late: sometimes(random, 0.1),
    lateMs: pick(random, [100, 1000, 5000]),
  };
}

/** About ten operations per second of all clients together. */
function drawClients(
  random: Random,
  {
    members,
    space,
    safetyMs,
    operationTimeoutMs,
    leastPatienceMs,
  }: Pick<Scenario, 'safetyMs' | 'operationTimeoutMs'> & {
    readonly members: readonly ServerId[];
    readonly space: KeySpace;
    readonly leastPatienceMs: number;
  },
  read: ReadLevel | undefined,
): PlannedClient[] {
  const count = random.int(2, 6);
  const reads = pick(random, [0.2, 0.5, 0.8]);
  const level = read ?? pick(random, ['linearizable', 'linearizable', 'local', 'mixed'] as const);
  const pauseMs = count * 100;
  return Array.from({ length: count }, () => {
    // One that knows a single server stays with it whatever comes.
    const isPinned = random.chance(0.25);
    const isImpatient = isPinned || random.chance(0.3);
    return {
      servers: shuffled(random, members).slice(0, isPinned ? 1 : random.int(2, members.length)),
      deadlineMs: isImpatient ? operationTimeoutMs * (0.3 + 2 * random.float()) : PATIENT_MS,
      // Mostly the client waits for the server's own verdict, as is the default.
      attemptTimeoutMs: Math.max(leastPatienceMs, operationTimeoutMs * pick(random, [0.3, 1.25, 1.25])),
      broadcast: random.chance(0.1),
      echo: sometimes(random, 0.5),
      requests: Array.from({ length: Math.ceil(safetyMs / pauseMs) }, () =>
        drawRequest(random, space, reads, level, -Math.log(1 - random.float()) * pauseMs),
      ),
    };
  });
}

function drawRange(random: Random, { prefixes, afters }: KeySpace): { prefix: string; after?: string } {
  const prefix = pick(random, prefixes);
  return random.chance(0.5) ? { prefix } : { prefix, after: pick(random, afters) };
}

function drawRequest(
  random: Random,
  space: KeySpace,
  reads: number,
  level: ReadLevel | 'mixed',
  afterMs: number,
): PlannedRequest {
  const key = random.chance(0.5) ? (space.keys[0] ?? 'hot') : pick(random, space.keys);
  const read = level === 'mixed' ? pick(random, ['local', 'linearizable'] as const) : level;
  if (random.chance(reads)) {
    return random.chance(0.15)
      ? { afterMs, op: 'list', ...drawRange(random, space), limit: random.int(1, 10), read }
      : { afterMs, op: 'get', key, read };
  }
  const kind = random.float();
  if (kind < 0.6) return { afterMs, op: 'put', key };
  if (kind < 0.75) return { afterMs, op: 'delete', key };
  const expect = random.chance(0.8) ? 'seen' : 'absent';
  return { afterMs, op: 'compareAndSet', key, expect, deletes: random.chance(0.1) };
}
