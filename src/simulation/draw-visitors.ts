import type { ServerId } from '../core/ballot';
import type { Random } from '../core/environment';
import type { ReadLevel } from '../history/history';
import { pick, shuffled, sometimes } from './random-picks';
import { PATIENT_MS, type PlannedClient, type PlannedRequest } from './scenario';

const MOST = 40;

/** Clients that do one thing and are gone, in one run of three. Each that writes has a session of its own, for which older ones are forgotten. */
export function drawVisitors(
  random: Random,
  {
    members,
    keys,
    safetyMs,
    attemptTimeoutMs,
  }: {
    readonly members: readonly ServerId[];
    readonly keys: readonly string[];
    readonly safetyMs: number;
    readonly attemptTimeoutMs: number;
  },
  level: ReadLevel | undefined,
): PlannedClient[] {
  if (!random.chance(1 / 3)) return [];
  const echo = sometimes(random, 1);
  return Array.from({ length: random.int(5, MOST) }, () => ({
    servers: shuffled(random, members).slice(0, random.int(1, members.length)),
    deadlineMs: pick(random, [attemptTimeoutMs, PATIENT_MS]),
    attemptTimeoutMs,
    broadcast: random.chance(0.1),
    echo,
    requests: [drawVisit(random, random.float() * safetyMs, pick(random, keys), level)],
  }));
}

function drawVisit(
  random: Random,
  afterMs: number,
  key: string,
  level: ReadLevel | undefined,
): PlannedRequest {
  const op = pick(random, ['put', 'put', 'delete', 'get'] as const);
  if (op !== 'get') return { afterMs, op, key };
  return {
    afterMs,
    op,
    key,
    read: level ?? pick(random, ['local', 'linearizable', 'linearizable'] as const),
  };
}
