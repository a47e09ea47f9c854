import type { ServerId } from '../core/ballot';
import type { Random } from '../core/environment';
import { drawQuorumMoves } from './quorum-moves';
import { pick, shuffled } from './random-picks';
import { linksBetween } from './weather';
import type { Fault } from './scenario';
import { FIRST_CLIENT } from './virtual-time';

/** A draw of one fault of its kind, at a moment that the caller adds. */
type Draw = (random: Random, at: { atMs: number }, places: Places) => Fault;

interface Places {
  readonly servers: readonly ServerId[];
  readonly clients: number;
}

const DRAWS: readonly { readonly draw: Draw; readonly everyMs: number }[] = [
  { draw: drawPartition, everyMs: 2500 },
  { draw: drawFlapping, everyMs: 5000 },
  { draw: drawCrash, everyMs: 2000 },
  { draw: drawCrashAtPoint, everyMs: 2000 },
  { draw: drawRestartStorm, everyMs: 4000 },
  { draw: drawLonelyRestart, everyMs: 5000 },
  { draw: drawPause, everyMs: 2500 },
  { draw: drawClock, everyMs: 3000 },
  { draw: drawSlowDisk, everyMs: 4000 },
  { draw: drawFailingSync, everyMs: 6000 },
  { draw: drawCrashAtInstall, everyMs: 1500 },
  { draw: drawQuorumMoves, everyMs: 4000 },
];

/** Each kind is in four of ten runs, then as often as is its wont. The servers that keep their disks suffice. */
export function drawFaults(
  random: Random,
  servers: readonly ServerId[],
  clients: number,
  safetyMs: number,
  suffice: (servers: readonly ServerId[]) => boolean,
): Fault[] {
  const places = { servers, clients };
  const faults: Fault[] = [];
  DRAWS.forEach(({ draw, everyMs }, index) => {
    const stream = random.fork(`kind ${index}`);
    if (!stream.chance(0.4)) return;
    let atMs = 0;
    for (;;) {
      atMs -= Math.log(1 - stream.float()) * everyMs;
      if (atMs >= safetyMs) return;
      faults.push(draw(stream, { atMs }, places));
    }
  });
  const wiped = drawWipes(random.fork('wipes'), servers, safetyMs, suffice);
  return [...faults, ...wiped].sort((a, b) => a.atMs - b.atMs);
}

/** Of a fault: short, or long enough for everybody to notice. */
export function durationMs(random: Random): number {
  return -Math.log(1 - random.float()) * pick(random, [50, 500, 2000]);
}

export function drawPartition(random: Random, at: { atMs: number }, { servers, clients }: Places): Fault {
  const order = shuffled(random, servers);
  const shape = pick(random, ['symmetric', 'one-way', 'bridge', 'isolated'] as const);
  const forMs = durationMs(random);
  const [first = 0] = order;
  const rest = order.slice(1);
  if (shape === 'isolated') {
    // From clients too, or not: then they talk to a server that is alone.
    const everyClient = Array.from({ length: clients }, (_, client) => FIRST_CLIENT + client);
    const cut = linksBetween([first], random.chance(0.5) ? [...rest, ...everyClient] : rest);
    return { ...at, kind: 'partition', shape, cut, forMs };
  }
  if (shape === 'bridge') {
    // Two halves that hear nothing of each other, and one server that hears both.
    const half = Math.floor(rest.length / 2);
    return {
      ...at,
      kind: 'partition',
      shape,
      cut: linksBetween(rest.slice(0, half), rest.slice(half)),
      forMs,
    };
  }
  const side = random.int(1, Math.max(1, order.length - 1));
  const cut = linksBetween(order.slice(0, side), order.slice(side));
  const oneWay = cut.filter((_, index) => index % 2 === 0);
  return { ...at, kind: 'partition', shape, cut: shape === 'one-way' ? oneWay : cut, forMs };
}

export function drawFlapping(random: Random, at: { atMs: number }, { servers }: Places): Fault {
  const [first = 0, ...rest] = shuffled(random, servers);
  const cut = linksBetween([first], rest.slice(0, random.int(1, Math.max(1, rest.length))));
  return { ...at, kind: 'flapping', cut, periodMs: random.int(5, 300), forMs: 500 + random.float() * 3000 };
}

export function drawCrash(random: Random, at: { atMs: number }, { servers }: Places): Fault {
  const count = random.chance(0.15) ? servers.length : random.int(1, Math.ceil(servers.length / 2));
  const crashed = shuffled(random, servers).slice(0, count);
  return { ...at, kind: 'crash', servers: crashed, kept: random.float(), downMs: durationMs(random) };
}

function drawLonelyRestart(random: Random, at: { atMs: number }, { servers }: Places): Fault {
  const kept = pick(random, [0, random.float()]);
  const [downMs, forMs] = [random.int(1, 200), random.int(500, 6000)];
  return { ...at, kind: 'lonely restart', server: pick(random, servers), kept, downMs, forMs };
}

function drawRestartStorm(random: Random, at: { atMs: number }, { servers }: Places): Fault {
  const meanUpMs = pick(random, [5, 50, 300]);
  const upMs = Array.from({ length: random.int(1, 6) }, () => -Math.log(1 - random.float()) * meanUpMs);
  return {
    ...at,
    kind: 'restart storm',
    server: pick(random, servers),
    upMs,
    syncMs: pick(random, [1, 100, 500]),
    kept: pick(random, [0, random.float()]),
    downMs: random.int(1, 50),
  };
}

export function drawCrashAtPoint(random: Random, at: { atMs: number }, { servers }: Places): Fault {
  return {
    ...at,
    kind: 'crash at a point',
    server: pick(random, servers),
    point: pick(random, [
      'write-issued',
      'write-durable',
      'call-sent',
      'call-answered',
      'client-answered',
      'snapshot-installed',
    ] as const),
    times: random.int(1, 12),
    kept: pick(random, [0, random.float(), 1]),
    downMs: durationMs(random),
  };
}

/** Mostly before it is durable: what is installed is lost, and the server is behind again. */
function drawCrashAtInstall(random: Random, at: { atMs: number }, { servers }: Places): Fault {
  return {
    ...at,
    kind: 'crash at a point',
    server: pick(random, servers),
    point: 'snapshot-installed',
    times: 1,
    kept: pick(random, [0, 0, 1]),
    downMs: durationMs(random),
  };
}

export function drawPause(random: Random, at: { atMs: number }, { servers }: Places): Fault {
  return { ...at, kind: 'pause', server: pick(random, servers), forMs: durationMs(random) * 2 };
}

function drawClock(random: Random, at: { atMs: number }, { servers }: Places): Fault {
  const server = pick(random, servers);
  return random.chance(0.5)
    ? { ...at, kind: 'clock rate', server, rate: pick(random, [0.5, 0.9, 0.999, 1.01, 1.2, 2]) }
    : { ...at, kind: 'clock jump', server, byMs: pick(random, [10, 500, 5000, 3_600_000]) };
}

export function drawSlowDisk(random: Random, at: { atMs: number }, { servers }: Places): Fault {
  const syncMs = pick(random, [50, 300, 2000]);
  return { ...at, kind: 'slow disk', server: pick(random, servers), syncMs, forMs: durationMs(random) * 2 };
}

export function drawFailingSync(random: Random, at: { atMs: number }, { servers }: Places): Fault {
  return {
    ...at,
    kind: 'failing sync',
    server: pick(random, servers),
    keepsFirst: random.chance(0.5),
    downMs: durationMs(random),
  };
}

/** A server whose disk was wiped never comes back, so fewer than half may be, and never all that hold a write. */
function drawWipes(
  random: Random,
  servers: readonly ServerId[],
  safetyMs: number,
  suffice: (servers: readonly ServerId[]) => boolean,
): Fault[] {
  const most = Math.floor((servers.length - 1) / 2);
  if (most === 0 || !random.chance(0.15)) return [];
  let left = servers;
  return shuffled(random, servers)
    .slice(0, random.int(1, most))
    .filter((server) => {
      const others = left.filter((other) => other !== server);
      if (!suffice(others)) return false;
      left = others;
      return true;
    })
    .map((server) => ({
      kind: 'wiped disk',
      atMs: random.float() * safetyMs,
      server,
      downMs: random.int(10, 1000),
    }));
}
