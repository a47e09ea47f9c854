import type { ServerId } from '../core/ballot';
import type { Random } from '../core/environment';
import type { LeaderLease } from '../core/replica';
import { durationMs } from './draw-faults';
import { pick, shuffled } from './random-picks';
import type { Fault } from './scenario';

/** What the shipped servers allow for. */
const MAX_DRIFT = 0.01;

type Draw = (random: Random, at: { atMs: number }, servers: readonly ServerId[]) => Fault;

/** An election takes about a second, so leaders fail as soon as they are elected, or when they have led for a while. */
const DRAWS: readonly { readonly draw: Draw; readonly everyMs: number }[] = [
  {
    draw: (random, at) => ({
      ...at,
      kind: 'leader crash',
      kept: pick(random, [0, random.float(), 1]),
      downMs: durationMs(random),
    }),
    everyMs: 2000,
  },
  {
    draw: (random, at, servers) => ({
      ...at,
      kind: 'leader crash as one returns',
      server: pick(random, servers),
      forMs: random.int(500, 4000),
      kept: pick(random, [0, 1]),
      downMs: 500 + durationMs(random),
    }),
    everyMs: 4000,
  },
  {
    draw: (random, at, servers) => ({
      ...at,
      kind: 'leader usurped',
      server: pick(random, servers),
      forMs: random.int(100, 2000),
    }),
    everyMs: 2000,
  },
  {
    // Half of them so long that another one is elected and serves, while requests wait for the old one to go on.
    draw: (random, at) => ({
      ...at,
      kind: 'leader pause',
      forMs: random.chance(0.5) ? durationMs(random) * 2 : random.int(1500, 4000),
    }),
    everyMs: 2500,
  },
  {
    draw: (random, at, servers) => ({
      ...at,
      kind: 'leader cut off',
      side: pick(random, ['both', 'both', 'deaf', 'mute'] as const),
      spared: shuffled(random, servers).slice(0, random.int(0, Math.floor(servers.length / 2))),
      forMs: durationMs(random) * 2,
    }),
    everyMs: 2000,
  },
  {
    draw: (random, at) => ({ ...at, kind: 'leader restart', downMs: random.int(1, 500) }),
    everyMs: 4000,
  },
];

/** A lease, in one run of three. */
export function drawLease(random: Random): LeaderLease | undefined {
  if (!random.chance(1 / 3)) return undefined;
  return { durationMs: pick(random, [300, 1000, 3000]), maxDrift: MAX_DRIFT };
}

/** Whether the fault leaves the clocks as right as the lease takes them to be. */
export function keepsLease(fault: Fault, { maxDrift }: LeaderLease): boolean {
  if (fault.kind === 'clock rate') return Math.abs(fault.rate - 1) <= maxDrift + Number.EPSILON;
  return fault.kind !== 'clock jump';
}

/** What befalls leaders, whoever they are by then. Each kind is in half of the runs, and more often where a leader trusts in a lease. */
export function drawLeaderFaults(
  random: Random,
  servers: readonly ServerId[],
  safetyMs: number,
  hasLease: boolean,
): Fault[] {
  const [inRuns, haste] = hasLease ? [1, 2] : [0.5, 1];
  return DRAWS.flatMap(({ draw, everyMs }, index) => {
    const stream = random.fork(`kind ${index}`);
    if (!stream.chance(inRuns)) return [];
    const faults: Fault[] = [];
    for (let atMs = 0; ;) {
      atMs -= (Math.log(1 - stream.float()) * everyMs) / haste;
      if (atMs >= safetyMs) return faults;
      faults.push(draw(stream, { atMs }, servers));
    }
  });
}
