import { describe, expect, test } from '@jest/globals';
import {
  CountingQuorums,
  GridQuorums,
  InvalidQuorums,
  Majority,
  parseQuorums,
  standing,
} from '../../src/core/quorum';
import type { QuorumSystem } from '../../src/core/quorum';
import { judgedQuorums } from '../../src/simulation/judged-quorums';

const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9];

function membersOf(servers: number): number[] {
  return Array.from({ length: servers }, (_, id) => id);
}

function subsets(members: readonly number[]): Set<number>[] {
  return Array.from(
    { length: 2 ** members.length },
    (_, bits) => new Set(members.filter((_member, i) => (bits >> i) & 1)),
  );
}

test.each(SIZES)('%i servers: exactly the sets of more than half are quorums', (servers) => {
  const quorums = new Majority(membersOf(servers));
  for (const set of subsets(membersOf(servers))) {
    expect(quorums.isPhase1Quorum(set)).toBe(set.size * 2 > servers);
    expect(quorums.isPhase2Quorum(set)).toBe(set.size * 2 > servers);
  }
});

test.each(SIZES.slice(0, 7))('%i servers: every two quorums share a server', (servers) => {
  const quorums = new Majority(membersOf(servers));
  const sets = subsets(membersOf(servers));
  const phase1 = sets.filter((set) => quorums.isPhase1Quorum(set));
  const phase2 = sets.filter((set) => quorums.isPhase2Quorum(set));
  expect(phase1.length).toBeGreaterThan(0);
  for (const a of phase1) for (const b of phase2) expect([...a].some((server) => b.has(server))).toBe(true);
});

/** All quorum systems of so many servers. */
function systemsOf(servers: number): QuorumSystem[] {
  const members = membersOf(servers);
  const numbers = members.map((id) => id + 1);
  const counting = numbers.flatMap((phase1) =>
    numbers.filter((phase2) => phase1 + phase2 > servers).map((phase2) => `${phase1},${phase2}`),
  );
  const grids = numbers
    .filter((rows) => servers % rows === 0)
    .map((rows) => `grid:${rows}x${servers / rows}`);
  return ['majority', ...counting, ...grids].map((name) => parseQuorums(name, members));
}

function meet(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  return [...a].some((server) => b.has(server));
}

/** The most servers that can be taken away, whichever, and some of the others still suffice. */
function tolerated(servers: number, suffice: (left: ReadonlySet<number>) => boolean): number {
  const fatal = subsets(membersOf(servers)).filter(
    (gone) => !suffice(new Set(membersOf(servers).filter((id) => !gone.has(id)))),
  );
  return Math.min(...fatal.map(({ size }) => size)) - 1;
}

describe.each([1, 2, 3, 4, 5, 6])('every quorum system of %i servers', (servers) => {
  const sets = subsets(membersOf(servers));

  test.each(systemsOf(servers))('$name: the phases meet, and it survives what it says', (quorums) => {
    const phase1 = sets.filter((set) => quorums.isPhase1Quorum(set));
    const phase2 = sets.filter((set) => quorums.isPhase2Quorum(set));
    expect(phase1.every((a) => phase2.every((b) => meet(a, b)))).toBe(true);
    expect(quorums.survives).toEqual({
      phase1: tolerated(servers, (left) => quorums.isPhase1Quorum(left)),
      phase2: tolerated(servers, (left) => quorums.isPhase2Quorum(left)),
      disks: Math.min(...phase2.map(({ size }) => size)) - 1,
    });
    const smallest = Math.min(...phase2.map(({ size }) => size));
    for (const self of membersOf(servers)) {
      const example = quorums.phase2Example([self]);
      expect(quorums.isPhase2Quorum(new Set(example))).toBe(true);
      expect(example).toHaveLength(smallest);
      expect(example).toContain(self);
    }
  });

  test.each(systemsOf(servers))('$name: the judges of the simulator count the same', (quorums) => {
    const judged = judgedQuorums(quorums.name, servers);
    for (const set of sets) {
      expect(judged.isPhase1Quorum(set)).toBe(quorums.isPhase1Quorum(set));
      expect(judged.isPhase2Quorum(set)).toBe(quorums.isPhase2Quorum(set));
    }
  });
});

test('quorums that can miss each other are refused, and the pair is named', () => {
  for (const servers of SIZES)
    for (let phase1 = 1; phase1 < servers; phase1++) {
      const name = `${phase1},${servers - phase1}`;
      expect(() => parseQuorums(name, membersOf(servers))).toThrow(InvalidQuorums);
      const pair = /\{(.*)\} and phase 2 \{(.*)\};/.exec(messageOf(name, servers))?.slice(1);
      const [a = [], b = []] = pair?.map((text) => text.split(', ').map(Number)) ?? [];
      expect([a.length, b.length]).toEqual([phase1, servers - phase1]);
      expect(meet(new Set(a), new Set(b))).toBe(false);
    }
  expect(messageOf('3,2', 5)).toBe(
    'quorums 3,2 can miss each other: phase 1 could ask {0, 1, 2} and phase 2 {3, 4}; together they must be more than 5',
  );
});

function messageOf(name: string, servers: number): string {
  try {
    return parseQuorums(name, membersOf(servers)).name;
  } catch (error) {
    return (error as Error).message;
  }
}

test.each<[string, number, string]>([
  ['6,1', 5, 'quorums 6,1 are not of 1 to 5 servers'],
  ['grid:2x2', 5, 'a grid of 2 x 2 places 4 servers, not 5'],
  ['half', 5, '"half" names no quorums: say majority, q1,q2 (such as 4,2) or grid:RxC (such as grid:2x3)'],
  ['0,5', 5, '"0,5" names no quorums: say majority, q1,q2 (such as 4,2) or grid:RxC (such as grid:2x3)'],
  ['4,2,1', 5, '"4,2,1" names no quorums: say majority, q1,q2 (such as 4,2) or grid:RxC (such as grid:2x3)'],
])('%s of %i servers: %s', (name, servers, says) => {
  expect(messageOf(name, servers)).toBe(says);
});

test('a count that is no whole number is refused', () => {
  expect(() => new CountingQuorums([0, 1, 2], 2.5, 2)).toThrow(InvalidQuorums);
});

test('the example is of preferred servers, and has few that are avoided', () => {
  expect(new CountingQuorums(membersOf(5), 4, 2).phase2Example([3, 1, 2], new Set([1]))).toEqual([3, 2]);
  const grid = new GridQuorums(membersOf(6), 2, 3);
  expect(grid.phase2Example([4])).toEqual([1, 4]);
  expect(grid.phase2Example([1, 2], new Set([4]))).toEqual([2, 5]);
  expect(grid.phase2Example([1], new Set([3, 4, 5]))).toEqual([1, 4]);
});

test('votes of strangers do not count', () => {
  const quorums = new Majority([0, 1, 2]);
  expect(quorums.isPhase1Quorum(new Set([0, 7, 8, 9]))).toBe(false);
  expect(quorums.isPhase2Quorum(new Set([0, 1, 9]))).toBe(true);
});

test('a cluster has members, each once', () => {
  expect(() => new Majority([])).toThrow('at least one server');
  expect(() => new Majority([0, 1, 1])).toThrow('listed once');
});

describe('how a phase stands', () => {
  const five = [0, 1, 2, 3, 4];
  test.each<[string, 1 | 2, number[], number[], string]>([
    ['majority', 1, [0, 1, 2], [3, 4], 'reached'],
    ['majority', 1, [0, 1], [3, 4], 'open'],
    ['majority', 1, [], [0, 1, 2], 'lost'],
    ['4,2', 1, [0], [1, 2], 'lost'],
    ['4,2', 2, [0], [1, 2], 'open'],
    ['4,2', 2, [0], [1, 2, 3, 4], 'lost'],
  ])('%s, phase %i: agreed %j, refused %j: %s', (name, phase, agreed, refused, stands) => {
    expect(standing(parseQuorums(name, five), phase, new Set(agreed), new Set(refused))).toBe(stands);
  });

  test('one refusal in each row loses the rows, not yet the columns', () => {
    const grid = parseQuorums('grid:2x3', [0, 1, 2, 3, 4, 5]);
    expect(standing(grid, 1, new Set(), new Set([0, 3]))).toBe('lost');
    expect(standing(grid, 2, new Set(), new Set([0, 3]))).toBe('open');
  });
});
