import type { Random } from '../core/environment';
import type { SessionLimits } from '../kv/sessions';
import { pick } from './random-picks';
import type { ProtocolVariation, StateVariation } from './scenario';

/** The keys of a run, and what its lists ask for. The first key is the hot one. */
export interface KeySpace {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  readonly afters: readonly string[];
}

const PLAIN: KeySpace = {
  keys: ['hot', 'k/1', 'k/2', 'k/3', 'k/4', 'k/5', 'k/6', 'k/7'],
  prefixes: ['', 'k/', 'k/3', 'hot', 'none'],
  afters: ['a', 'hot', 'k/2', 'k/5', 'z'],
};

/**
 * Keys of which the order by bytes of UTF-8 is another one than that of JavaScript's code units, that begin with each
 * other, that look alike (one composed, one decomposed), and that mean something elsewhere.
 */
const UNUSUAL: KeySpace = {
  keys: [
    'k/\u{1f600}',
    'k/\ue000',
    'k/\uffff',
    'k/\u{10000}',
    'k/e\u0301',
    'k/\u00e9',
    'k/e',
    'k/\u{1f600}/\u{10ffff}',
    'k/\uff5e',
    '__proto__',
    'k',
  ],
  prefixes: ['', 'k/', 'k/e', 'k/\u{1f600}', 'k/\ue000', '__'],
  afters: ['k/\uffff', 'k/\ue000', 'k/\u{10000}', 'k/e', 'k/\u{1f600}', '\u{10000}'],
};

/** In four of ten runs with unusual ones; how many of the keys take part is drawn too. */
export function drawKeySpace(random: Random): KeySpace {
  const space = random.chance(0.4) ? UNUSUAL : PLAIN;
  return { ...space, keys: space.keys.slice(0, random.int(1, space.keys.length)) };
}

/** How long the log is, also beside a snapshot, and how often a checkpoint is taken, apart from each other; and how much goes into one answer. */
export function drawLogLimits(
  random: Random,
): Pick<ProtocolVariation, 'logSlots' | 'checkpointSlots' | 'offeredSlots' | 'pieceSlots'> {
  if (random.chance(0.25)) return { logSlots: 10_000, checkpointSlots: 4096, pieceSlots: 1000 };
  const limits = {
    logSlots: pick(random, [0, random.int(1, 5), random.int(2, 40), 10_000]),
    checkpointSlots: pick(random, [1, random.int(2, 6), random.int(2, 40)]),
    pieceSlots: pick(random, [random.int(1, 3), random.int(1, 20), 1000]),
  };
  return random.chance(0.5) ? limits : { ...limits, offeredSlots: pick(random, [0, random.int(1, 40)]) };
}

/** In one run of two the stores hold something before the first write; in one of two few clients are remembered. */
export function drawState(random: Random, keys: readonly string[]): StateVariation {
  const entries = random.chance(0.5) ? 0 : pick(random, [1, random.int(2, 12), random.int(20, 80)]);
  const initial = Array.from({ length: entries }, (_, index) => {
    const key = keys[index % keys.length] ?? '';
    return [index < keys.length ? key : `${key}/${index}`, `initial ${index}`] as const;
  });
  return random.chance(0.5) ? { initial } : { initial, sessions: drawSessionLimits(random) };
}

/** So few that clients are forgotten while something of theirs is on its way; and results that are too large to be kept. */
function drawSessionLimits(random: Random): SessionLimits {
  const clients = pick(random, [1, 2, 3, 8]);
  return {
    clients,
    characters: pick(random, [200, 1000, 1_000_000]),
    resultCharacters: pick(random, [4, 1024]),
  };
}
