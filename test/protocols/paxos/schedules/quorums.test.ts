import { describe, expect, test } from '@jest/globals';
import { SHIPPED } from '../code';
import { A, B, Bench, C, D, E, P1, P2, valueOf } from '../bench';
import { exhibit, play, type Schedule } from './play';

/** v1 is chosen by two votes; then four of five must be asked, and no three of them. */
const fewVotes: Schedule = async (code) => {
  const bench = new Bench(code, { acceptors: 5, quorums: '4,2' });
  const chosen = await bench.propose(P1, 1, valueOf('v1'), { prepare: [A, B, C, D], accept: [D, E] });
  expect(chosen.outcome).toMatchObject({ kind: 'chosen', value: { id: 'v1' } });
  const alone = await bench.propose(P2, 1, valueOf('v2'), { prepare: [A, B, C], accept: [A, B, C] });
  expect(alone.outcome).toBeUndefined();
};

/** Two columns of a grid do not meet, and need not: each row meets both. */
const grid: Schedule = async (code) => {
  const bench = new Bench(code, { acceptors: 4, quorums: 'grid:2x2' });
  const chosen = await bench.propose(P1, 1, valueOf('v1'), { prepare: [A, B], accept: [A, C] });
  expect(chosen.outcome).toMatchObject({ kind: 'chosen', value: { id: 'v1' } });
  const later = await bench.propose(P2, 1, valueOf('v2'), { prepare: [C, D], accept: [B, D] });
  expect(later.outcome).toMatchObject({ kind: 'chosen', value: { id: 'v1' } });
};

const rowsThatDoNotMeet: Schedule = async (code) => {
  const bench = new Bench(code, { acceptors: 4, quorums: 'grid:2x2' });
  await bench.propose(P1, 1, valueOf('v1'), { prepare: [A, B], accept: [A, B] });
  await bench.propose(P2, 1, valueOf('v2'), { prepare: [C, D], accept: [C, D] });
};

describe('flexible quorums', () => {
  play(exhibit('F-2'), fewVotes, /two values chosen/);
  play(exhibit('F-4'), rowsThatDoNotMeet, /learned but not chosen/);

  test('a row meets every column of a grid', () => grid(SHIPPED));

  test('FP-1: servers that are started again with other quorums can lose a write', async () => {
    const bench = new Bench(SHIPPED, { acceptors: 5, quorums: '4,2' });
    await bench.propose(P1, 1, valueOf('v1'), { prepare: [A, B, C, D], accept: [A, B] });
    for (const acceptor of [A, B, C, D, E]) bench.restart(acceptor);
    bench.quorums = 'majority';
    const overwrites = bench.propose(P2, 1, valueOf('v2'), { prepare: [C, D, E], accept: [C, D, E] });
    await expect(overwrites).rejects.toThrow(/two values chosen/);
  });
});
