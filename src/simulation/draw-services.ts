import type { ServerId } from '../core/ballot';
import type { Random } from '../core/environment';
import { durationMs } from './draw-faults';
import { CONNECTION_LANES } from './lanes';
import { pick, shuffled } from './random-picks';
import type { Fault, Link, NetworkWeather, ProtocolVariation } from './scenario';
import { linksBetween } from './weather';

/** Faults of single lanes are in three runs of ten, and then so often. */
const IN_RUNS = 0.3;
const EVERY_MS = 1500;
/** Requests that come very late, in so many runs. */
const VERY_LATE_IN_RUNS = 0.3;
const SMALL_LIMITS_IN_RUNS = 0.4;

/** What befalls the connections of one service and spares the others. */
export function drawLaneFaults(random: Random, servers: readonly ServerId[], safetyMs: number): Fault[] {
  const faults: Fault[] = [];
  if (servers.length === 1 || !random.chance(IN_RUNS)) return faults;
  for (let atMs = 0; ;) {
    atMs -= Math.log(1 - random.float()) * EVERY_MS;
    if (atMs >= safetyMs) return faults;
    const lane = pick(random, CONNECTION_LANES);
    const side = pick(random, ['requests', 'answers', 'both'] as const);
    const common = { atMs, lane, side, connections: drawConnections(random, servers) };
    const forMs = durationMs(random) * 2;
    faults.push(
      random.chance(0.6)
        ? { ...common, kind: 'lane cut', forMs }
        : { ...common, kind: 'lane slow', byMs: pick(random, [50, 500, 4000]), forMs },
    );
  }
}

/** A server that is left behind by more than the others keep, and leads before it can learn what it missed. */
const OUTPACED_IN_RUNS = 0.35;
/** What it still cannot fetch once it is heard again. */
const UNLEARNED_MS = 3000;
const SOON_MS = 30;

/** For protocols with a leader: a server that was cut off campaigns while it can vote, and not yet catch up. */
export function drawOutpaced(random: Random, servers: readonly ServerId[], safetyMs: number): Fault[] {
  if (servers.length === 1 || !random.chance(OUTPACED_IN_RUNS)) return [];
  return Array.from({ length: random.int(1, 3) }, () => {
    const atMs = random.float() * safetyMs * 0.7;
    const [server = 0, ...others] = shuffled(random, servers);
    const awayMs = random.int(500, 3000);
    const cut = linksBetween([server], others);
    const connections = random.chance(0.5) ? cut : cut.filter(([from]) => from === server);
    const unlearnedMs = awayMs + UNLEARNED_MS;
    const campaigns = [SOON_MS, 10 * SOON_MS].map((afterMs): Fault => {
      const forMs = random.int(200, 1500);
      return { atMs: atMs + awayMs + afterMs, kind: 'leader usurped', server, forMs };
    });
    return [
      { atMs, kind: 'partition', shape: 'isolated', cut, forMs: awayMs },
      { atMs, kind: 'lane cut', lane: 'bulk', connections, side: 'both', forMs: unlearnedMs },
      ...campaigns,
    ] satisfies Fault[];
  }).flat();
}

/** Of one server, to or from some others; or between any. */
function drawConnections(random: Random, servers: readonly ServerId[]): Link[] {
  const [first = 0, ...rest] = shuffled(random, servers);
  const others = rest.slice(0, random.int(1, rest.length));
  const to = others.map((other): Link => [first, other]);
  const from = others.map((other): Link => [other, first]);
  return pick(random, [to, from, [...to, ...from]]);
}

export function drawVeryLate(random: Random): Pick<NetworkWeather, 'veryLate'> {
  if (!random.chance(VERY_LATE_IN_RUNS)) return {};
  const share = pick(random, [0.01, 0.05]);
  return { veryLate: { share, lateMs: pick(random, [1000, 4000, 9000]), copies: random.chance(0.6) } };
}

/** Limits that are reached by a few operations. */
export function drawLimits(random: Random): Pick<ProtocolVariation, 'limits'> {
  if (!random.chance(SMALL_LIMITS_IN_RUNS)) return {};
  const small: NonNullable<ProtocolVariation['limits']> = {
    roundSlots: random.int(1, 8),
    roundCharacters: pick(random, [1, 200]),
    roundsInFlight: random.int(1, 3),
    pieceCharacters: pick(random, [1, 300]),
    fillSlots: random.int(1, 3),
    maxQueued: random.int(2, 20),
    maxRunning: random.int(1, 6),
    maxRunningWeight: pick(random, [1, 400]),
    maxWaiting: random.int(2, 30),
    ownHoles: random.int(1, 3),
  };
  return { limits: Object.fromEntries(Object.entries(small).filter(() => random.chance(0.3))) };
}
