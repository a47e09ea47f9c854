import { expect, test } from '@jest/globals';
import type { History } from '../../src/history/history';
import type { judge } from '../../src/history/judge';
import { loadMutant, type Edit } from '../../src/simulation/museum/mutant';
import { get, history, list, localGet, on, put } from './hand-made';

const y = (part: Parameters<typeof on>[1]): Parameters<typeof on>[1] => on('y', part);
const torn = (shown: string): History =>
  history([
    put('a', 0, 8, '1', { slot: 1 }),
    put('a', 1, 9, '3', { slot: 2 }),
    y(put('b', 2, 7, '2', { slot: 3 })),
    list('c', 3, 6, { x: '3', ...(shown === '' ? {} : { y: shown }) }, { applied: 2 }),
  ]);

/** What is not seen by the comparison with the naive checker, which knows neither lists nor slots. */
const cases: readonly (readonly [History, string])[] = [
  [history([put('a', 0, 1, '1'), list('b', 2, 3, {})]), 'violation'],
  [history([put('a', 0, 1, '1'), list('b', 2, 3, {}, { prefix: 'y' })]), 'linearizable'],
  [history([put('a', 0, 1, '1'), list('b', 2, 3, {}, { after: 'x' })]), 'linearizable'],
  [
    history([put('a', 0, 1, '1'), y(put('a', 2, 3, '1')), list('b', 4, 5, { x: '1' }, { more: true })]),
    'linearizable',
  ],
  [
    history([put('a', 0, 1, '1'), y(put('a', 2, 3, '1')), list('b', 4, 5, { y: '1' }, { more: true })]),
    'violation',
  ],
  [torn('2'), 'violation'],
  [torn(''), 'linearizable'],
  [history([put('a', 0, 1, '1'), localGet('b', 2, 3, null, 's1')]), 'sequential'],
  [
    history([put('a', 0, 1, '1'), localGet('b', 2, 3, '1', 's1'), localGet('b', 4, 5, null, 's1')]),
    'violation',
  ],
  [history([put('a', 0, 1, '1'), get('b', 2, 3, null)]), 'violation'],
  [
    history([
      put('a', 0, 1, '1', { slot: 1 }),
      y(put('a', 2, 3, '1', { slot: 2 })),
      y(localGet('b', 4, 5, '1', 's1', 2)),
      localGet('b', 6, 7, '1', 's1', 1),
    ]),
    'violation',
  ],
  [
    history([put('a', 0, 1, '1', { slot: 2 }), list('b', 2, 3, {}, { prefix: 'z', applied: 1 })]),
    'violation',
  ],
  [
    history([
      put('a', 0, 1, '1', { slot: 2 }),
      list('b', 2, 3, {}, { prefix: 'z', applied: 1, read: 'local' }),
    ]),
    'linearizable',
  ],
  [history([put('a', 0, 1, '1', { slot: 3 }), y(put('b', 2, 3, '1', { slot: 3 }))]), 'violation'],
];

function passes(edits: readonly Edit[]): boolean {
  const [mutant] = loadMutant(['history/judge.ts'], edits) as [{ judge: typeof judge }];
  return cases.every(([recorded, kind]) => mutant.judge(recorded).kind === kind);
}

test('the judge as it is passes', () => {
  expect(passes([])).toBe(true);
});

const mutants: readonly (readonly [what: string, file: string, find: string, replace: string])[] = [
  [
    'forgets the prefix of a list',
    'partition.ts',
    '|| !key.startsWith(request.prefix)) return false',
    ') return false',
  ],
  [
    'forgets where a list began',
    'partition.ts',
    'compareCodePoints(key, request.after) <= 0) return false',
    'false) return false',
  ],
  ['believes that a list tells all', 'partition.ts', 'response?.more === false', 'true'],
  [
    'believes that a list tells nothing of what it leaves out',
    'partition.ts',
    'last !== undefined &&',
    'last?.key === key &&',
  ],
  ['looks at no applied number', 'slots.ts', 'if (applied === undefined) continue;', 'continue;'],
  ['takes the first write for the last one', 'slots.ts', 'writes[low - 1]?.held', 'writes[0]?.held'],
  ['lets a server go back', 'numbers.ts', 'earlier !== undefined && shown > applied', 'false'],
  ['lets a linearizable read be behind', 'numbers.ts', 'slot <= applied ||', 'true ||'],
  ['holds local reads to more than their promise', 'numbers.ts', '|| !isLinearizable(request)', ''],
  ['gives a slot twice', 'numbers.ts', 'first !== undefined', 'false'],
  ['takes every wrong read for a local one', 'judge.ts', "relaxed.kind === 'violation'", 'false'],
  ['forgets torn reads', 'judge.ts', 'torn !== undefined', 'false'],
  ['forgets the numbers', 'judge.ts', 'number !== undefined', 'false'],
  ['never asks what local reads may do', 'judge.ts', "hasLocal && strict.kind !== 'linearizable'", 'false'],
];

test.each(mutants)('the cases notice a judge that %s', (_, file, find, replace) => {
  expect(passes([{ file: `history/${file}`, find, replace }])).toBe(false);
});
