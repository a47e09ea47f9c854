import { SeededRandom } from '../../src/core/random';
import type { History } from '../../src/history/history';
import type { checkKeys } from '../../src/history/linearizability';
import { naivelyLinearizable } from './naive';
import { randomHistory, type Kind } from './random-history';

export interface Case {
  readonly history: History;
  readonly relaxLocalReads: boolean;
  /** By the naive checker. */
  readonly isPossible: boolean;
}

/** Of one history; the naive checker takes some five times as long for each one more. */
const MOST_OPERATIONS = Number(process.env['SYNOD_NAIVE_OPERATIONS'] ?? 6);

/** Each kind of history in turn, so that all of them are tried often. */
function kindOf(random: SeededRandom, index: number): Kind {
  const isRelaxed = index % 4 === 3;
  return {
    operations: random.int(1, MOST_OPERATIONS),
    clients: random.int(1, 4),
    keys: !isRelaxed && index % 8 === 0 ? ['x', 'y'] : ['x'],
    values: ['1', '2', '3'].slice(0, random.int(1, 3)),
    initial: index % 3 === 0 ? 'unknown' : 'absent',
    unknown: [0, 0.2, 0.5][random.int(0, 2)]!,
    localReads: isRelaxed ? 0.7 : 0,
    lie: 0.7,
    missing: [0, 0.3, 1][random.int(0, 2)]!,
  };
}

/** Random small histories, judged by the naive checker. */
export function* judgedCases(histories: number, seed: number): Generator<Case> {
  const random = new SeededRandom(seed);
  for (let index = 0; index < histories; index++) {
    const kind = kindOf(random, index);
    const history = randomHistory(random, kind);
    for (const relaxLocalReads of kind.localReads > 0 ? [false, true] : [false])
      yield { history, relaxLocalReads, isPossible: naivelyLinearizable(history, relaxLocalReads) };
  }
}

/** Whether a checker says the same. */
export function agrees(check: typeof checkKeys, { history, relaxLocalReads, isPossible }: Case): boolean {
  const { kind } = check(history, {}, { relaxLocalReads, keepLongest: false });
  return kind === (isPossible ? 'linearizable' : 'violation');
}
