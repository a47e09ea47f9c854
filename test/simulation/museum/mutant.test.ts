import { expect, test } from '@jest/globals';
import type { compareBallots } from '../../../src/core/ballot';
import { loadMutant } from '../../../src/simulation/museum/mutant';

interface Ballots {
  readonly compareBallots: typeof compareBallots;
}

const EDIT = { file: 'core/ballot.ts', find: 'a.round - b.round', replace: 'b.round - a.round' };

test('a mutant differs in its edit only, and the shipped code stays as it is', () => {
  const [mutant] = loadMutant(['core/ballot.ts'], [EDIT]) as [Ballots];
  const [original] = loadMutant(['core/ballot.ts'], []) as [Ballots];
  const [low, high] = [
    { round: 1, server: 0 },
    { round: 2, server: 0 },
  ];
  expect(mutant.compareBallots(low, high)).toBe(1);
  expect(original.compareBallots(low, high)).toBe(-1);
});

test('mutants share what no edit reaches, and nothing else', () => {
  const files = ['core/quorum.ts', 'core/ballot.ts', 'protocols/paxos/acceptor.ts'];
  const [quorum, ballot, acceptor] = loadMutant(files, []);
  expect(loadMutant(files, [])).toEqual([quorum, ballot, acceptor]);
  const mutants = loadMutant(files, [EDIT]);
  expect(mutants[0]).toBe(quorum);
  expect(mutants[1]).not.toBe(ballot);
  // It imports what is edited.
  expect(mutants[2]).not.toBe(acceptor);
  expect(loadMutant(files, [EDIT])[2]).not.toBe(mutants[2]);
});

test('a mutant that no longer applies is a defect', () => {
  const load = (file: string, find: string) => () =>
    loadMutant(['core/ballot.ts'], [{ ...EDIT, file, find }]);
  expect(load('core/ballot.ts', 'not there')).toThrow('0 places');
  expect(load('core/ballot.ts', 'return')).toThrow(/[2-9] places/);
  expect(load('core/quorum.ts', 'export class Majority')).toThrow('what nobody imports: core/quorum.ts');
  expect(load('core/nothing.ts', 'x')).toThrow('src/core/nothing.ts, which cannot be read');
});
