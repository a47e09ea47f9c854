import { expect, test } from '@jest/globals';
import { Majority } from '../../src/core/quorum';

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

test('votes of strangers do not count', () => {
  const quorums = new Majority([0, 1, 2]);
  expect(quorums.isPhase1Quorum(new Set([0, 7, 8, 9]))).toBe(false);
  expect(quorums.isPhase2Quorum(new Set([0, 1, 9]))).toBe(true);
});

test('a cluster has members, each once', () => {
  expect(() => new Majority([])).toThrow('at least one server');
  expect(() => new Majority([0, 1, 1])).toThrow('listed once');
});
