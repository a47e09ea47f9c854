import { expect, test } from '@jest/globals';
import type { Meter } from '../../src/history/budget';
import { partition } from '../../src/history/partition';
import type { Shrinker } from '../../src/history/window';
import { loadMutant, type Edit } from '../../src/simulation/museum/mutant';
import { judgedCases } from './compare';

const possible = [...judgedCases(12_000, 21)].filter(
  ({ isPossible, history }) => isPossible && history.operations.length > 3,
);

/**
 * How many of the histories that have an order lose it when they are cut. What is left over must allow all that the whole
 * allows, so there must be none.
 */
function wronglyCut(edits: readonly Edit[]): number {
  const [windows, budgets] = loadMutant(['history/window.ts', 'history/budget.ts'], edits) as [
    { Shrinker: typeof Shrinker },
    { Meter: typeof Meter },
  ];
  return possible.filter(({ history, relaxLocalReads }) => {
    const shrinker = new windows.Shrinker(new budgets.Meter({}), relaxLocalReads);
    return partition(history).keys.some(({ operations }) => {
      const whole = windows.Shrinker.whole(operations, history.initial);
      const isCut = shrinker.cutFront(whole, new Set()) !== whole || shrinker.cutTail(whole).window !== whole;
      return isCut || shrinker.isViolation(shrinker.dropIdle(whole));
    });
  }).length;
}

test('what has an order keeps it, wherever it is cut', () => {
  expect(possible.filter(({ relaxLocalReads }) => relaxLocalReads).length).toBeGreaterThan(300);
  expect(wronglyCut([])).toBe(0);
});

const mutants: readonly (readonly [what: string, find: string, replace: string])[] = [
  ['forgets a state that the key can have', 'starts = [...states]', 'starts = [...states].slice(0, 1)'],
  ['forgets what is open', "return each.outcome === 'unknown'", 'return false'],
  ['believes in answers that came after the cut', ': opened(each)', ': { ...each, ended: end }'],
  [
    'takes every local read for one behind the cut',
    '(heldFrom.get(foundBy(each)) ?? Infinity) >= moment ||',
    'true ||',
  ],
];

test.each(mutants)('this notices one that %s', (_, find, replace) => {
  expect(wronglyCut([{ file: 'history/window.ts', find, replace }])).toBeGreaterThan(0);
});
