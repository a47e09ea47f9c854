import type { Random } from '../core/environment';
import { pick } from './random-picks';
import type { Scenario } from './scenario';

const SIZES = [1, 3, 3, 5, 5, 5, 7];
/** Where quorums are drawn too: sizes that have grids, and even ones. */
const SIZES_FOR_ANY = [3, 4, 4, 5, 5, 6, 6, 7, 8, 9];

export interface ClusterWishes {
  readonly servers?: number | undefined;
  /** `majority` if left out; `any` has them drawn. */
  readonly quorums?: string | undefined;
  readonly thrifty?: boolean | undefined;
}

/** How many servers, and what quorums they have. */
export function drawCluster(
  random: Random,
  { servers: wished, quorums = 'majority', thrifty = false }: ClusterWishes,
): Pick<Scenario, 'servers' | 'quorums' | 'thrifty'> {
  if (quorums !== 'any') {
    const servers = wished ?? serversOf(quorums) ?? pick(random.fork('size'), SIZES);
    return { servers, quorums, thrifty };
  }
  const stream = random.fork('any quorums');
  const servers = wished ?? pick(stream, SIZES_FOR_ANY);
  return { servers, quorums: drawQuorums(stream, servers), thrifty: stream.chance(0.5) || thrifty };
}

/** How many servers there are with these quorums, unless somebody says otherwise: as few as phase 1 and 2 can hold on to. */
export function serversOf(quorums: string): number | undefined {
  const [, rows, columns] = /^grid:(\d+)x(\d+)$/.exec(quorums)?.map(Number) ?? [];
  if (rows !== undefined && columns !== undefined) return rows * columns;
  const [, phase1, phase2] = /^(\d+),(\d+)$/.exec(quorums)?.map(Number) ?? [];
  return phase1 === undefined || phase2 === undefined ? undefined : phase1 + phase2 - 1;
}

/** Majorities, counts that just meet, counts that meet amply, grids. */
function drawQuorums(random: Random, servers: number): string {
  const phase1 = random.int(1, servers);
  const least = servers - phase1 + 1;
  const grids = Array.from({ length: servers }, (_, index) => index + 1)
    .filter((rows) => servers % rows === 0)
    .map((rows) => `grid:${rows}x${servers / rows}`);
  return pick(random, [
    'majority',
    `${phase1},${least}`,
    `${phase1},${least}`,
    `${phase1},${random.int(least, servers)}`,
    pick(random, grids),
    pick(random, grids),
  ]);
}
