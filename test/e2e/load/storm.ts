import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../../src/core/environment';
import { isAlive, type Program } from '../../cli/program';
import { waitUntil } from '../helpers/wait';
import type { JudgedLoad } from './judged-load';

/** Pauses between two kills, in milliseconds: at least, and at most. */
const PAUSE_MS = [200, 2500] as const;

/** What clients saw in a storm of kills. */
export interface Availability {
  /** Seconds in which at least one write or linearizable read that was begun in the storm succeeded. */
  readonly secondsWithSuccess: number;
  readonly seconds: number;
}

/** Process ids of the servers that a supervisor runs at the moment. */
export function serversUnder(supervisor: Program): number[] {
  const { pid } = supervisor.child;
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter((text) => text !== '')
    .map(Number);
}

/**
 * Kills servers with -9, one to all of them at a time, drawn by chance, for so many seconds; the supervisor restarts
 * them. Gives how many were killed. Rejects when a victim outlives its kill.
 */
export async function storm(supervisor: Program, seconds: number, random: Random): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let killed = 0;
  while (performance.now() < until) {
    const pids = serversUnder(supervisor);
    const most = random.chance(0.1) ? pids.length : Math.min(2, pids.length);
    const victims = shuffled(pids, random).slice(0, random.int(Math.min(1, most), most));
    for (const pid of victims) process.kill(pid, 'SIGKILL');
    await waitUntil(
      () => !victims.some(isAlive),
      5000,
      () => `${victims.join()} outlived kill -9`,
    );
    killed += victims.length;
    // The pause is the storm's own rhythm: nothing is waited for.
    await sleep(random.int(...PAUSE_MS));
  }
  return killed;
}

/** Second by second, from `fromMs` on the clock of `performance.now()`. */
export function availability(load: JudgedLoad, fromMs: number, seconds: number): Availability {
  const served = new Set<number>();
  for (const { endedAtMs } of load.acknowledged()) {
    const second = Math.floor((endedAtMs - fromMs) / 1000);
    if (second >= 0 && second < seconds) served.add(second);
  }
  return { secondsWithSuccess: served.size, seconds };
}

function shuffled(pids: readonly number[], random: Random): number[] {
  return pids
    .map((pid) => ({ pid, rank: random.float() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ pid }) => pid);
}
