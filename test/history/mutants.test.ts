import { expect, test } from '@jest/globals';
import type { checkKeys } from '../../src/history/linearizability';
import { loadMutant, type Edit } from '../../src/simulation/museum/mutant';
import { agrees, judgedCases } from './compare';
import { UNKNOWN_TO_KEEP } from './hand-made';

const cases = [
  ...judgedCases(6000, 5),
  { history: UNKNOWN_TO_KEEP, relaxLocalReads: false, isPossible: true },
];

/** Whether the comparison with the naive checker passes. */
function passes(edits: readonly Edit[]): boolean {
  const [mutant] = loadMutant(['history/linearizability.ts'], edits) as [{ checkKeys: typeof checkKeys }];
  return cases.every((each) => agrees(mutant.checkKeys, each));
}

test('the checker as it is passes', () => {
  expect(passes([])).toBe(true);
});

const mutants: readonly (readonly [what: string, file: string, find: string, replace: string])[] = [
  ['ignores real-time order', 'candidates.ts', '? -1 : operation.invoked', '? -1 : -1'],
  ['treats unknown as never applied', 'candidates.ts', "outcome === 'unknown')", "outcome === 'fail')"],
  ['remembers configurations without their state', 'visited.ts', 'state >>> 16, state & 0xffff', '0, 0'],
  ['remembers configurations without what is taken', 'visited.ts', '(word >>> 16, word & 0xffff)', '(0)'],
  [
    'remembers configurations without the open operations',
    'visited.ts',
    'isSubset(words, open.words)',
    'words.length > 0',
  ],
  ['accepts all', 'linearizability.ts', "outcome === 'none'", "outcome === 'exhausted'"],
  [
    'takes writes as reads: never at another time',
    'model.ts',
    'return rule.target === NONE;',
    'return true;',
  ],
  [
    'lets compareAndSet swap whatever it finds',
    'model.ts',
    'rule.condition === NONE || rule.condition === state',
    'true',
  ],
  [
    'believes that a first value is always absent',
    'linearizability.ts',
    "history.initial === 'absent'",
    'true',
  ],
  [
    'forgets the order of one server',
    'candidates.ts',
    'operation.server === undefined ||',
    'operation.server !== operation.client ||',
  ],
  ['leaves out every unknown put of a value that is not read', 'candidates.ts', 'canTell ||', ''],
  [
    'forgets what an answer says about the value found',
    'model.ts',
    'found === expect ? target : NONE',
    'target',
  ],
];

test.each(mutants)('the comparison notices a checker that %s', (_, file, find, replace) => {
  expect(passes([{ file: `history/${file}`, find, replace }])).toBe(false);
});
