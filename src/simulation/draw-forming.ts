import type { ServerId } from '../core/ballot';
import type { Random } from '../core/environment';
import {
  drawCrash,
  drawCrashAtPoint,
  drawFailingSync,
  drawFlapping,
  drawPartition,
  drawPause,
  drawSlowDisk,
} from './draw-faults';
import { pick } from './random-picks';
import type { Fault, Forming } from './scenario';

const DRAWS = [
  drawCrash,
  drawCrash,
  drawCrashAtPoint,
  drawCrashAtPoint,
  drawPartition,
  drawFlapping,
  drawPause,
  drawSlowDisk,
  drawFailingSync,
] as const;

/** A cluster whose servers come and go forms all the same, but not within any time. */
const LONGEST_MS = 2000;

/** In two runs of five. Servers meet within a few round trips, so most of it comes at once. */
export function drawForming(
  random: Random,
  servers: readonly ServerId[],
  clients: number,
): Forming | undefined {
  if (!random.chance(0.4)) return undefined;
  const faults = Array.from({ length: random.int(0, 6) }, (): Fault => {
    const atMs = -Math.log(1 - random.float()) * pick(random, [1, 20, 200]);
    return brief(pick(random, DRAWS)(random, { atMs }, { servers, clients }));
  });
  return { faults: faults.sort((a, b) => a.atMs - b.atMs), isStormy: random.chance(0.7) };
}

function brief(fault: Fault): Fault {
  return {
    ...fault,
    ...('forMs' in fault && { forMs: Math.min(LONGEST_MS, fault.forMs) }),
    ...('downMs' in fault && { downMs: Math.min(LONGEST_MS, fault.downMs) }),
  };
}
