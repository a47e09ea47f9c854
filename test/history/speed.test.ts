import { describe, expect, test } from '@jest/globals';
import { SeededRandom } from '../../src/core/random';
import type { History, Operation } from '../../src/history/history';
import { judge, type Judgement } from '../../src/history/judge';
import { get, history, localGet, put } from './hand-made';
import { randomHistory } from './random-history';

const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

function large(unknown: number, clients = 64, keys = 100): History {
  return randomHistory(new SeededRandom(7), {
    operations: 10_000,
    clients,
    keys: names('k', keys),
    values: names('v', 1000),
    initial: 'absent',
    unknown,
    localReads: 0,
    lie: 0,
    missing: 0.1,
  });
}

/** One read late in the history shows what another one had shown long before. */
function withStaleRead(history: History): History {
  const reads = history.operations.filter(
    ({ request, outcome, response }) =>
      request.op === 'get' && request.key === 'k5' && outcome === 'ok' && typeof response?.value === 'string',
  );
  const [old, late] = [reads[0], reads.at(-3)];
  if (old?.response === undefined || late === undefined) throw new Error('too few reads');
  const lie = (operation: Operation): Operation =>
    operation === late
      ? { ...operation, response: { ...late.response, value: old.response?.value } }
      : operation;
  return { ...history, operations: history.operations.map(lie) };
}

function timed(history: History): { readonly judgement: Judgement; readonly ms: number } {
  const beganMs = performance.now();
  const judgement = judge(history);
  return { judgement, ms: performance.now() - beganMs };
}

test.each([
  ['of 64 clients over 100 keys', 0, 64, 100],
  ['one of a hundred unknown', 0.01, 64, 100],
  ['one of ten unknown', 0.1, 64, 100],
  ['of 12 clients on one key', 0, 12, 1],
])('10,000 operations, %s: linearizable within 2 s', (_, unknown, clients, keys) => {
  const { judgement, ms } = timed(large(unknown, clients, keys));
  expect(judgement.kind).toBe('linearizable');
  expect(judgement.checked).toBeGreaterThan(8000);
  expect(ms).toBeLessThan(2000);
});

test.each([0, 0.01])('and one stale read among them is found and explained, unknown %d', (unknown) => {
  const { judgement, ms } = timed(withStaleRead(large(unknown)));
  if (judgement.kind !== 'violation') throw new Error(judgement.kind);
  expect(judgement.violation.window?.key).toBe('k5');
  expect(judgement.violation.anomaly.name).toBe('stale read');
  expect(judgement.violation.window?.operations.length).toBeLessThan(40);
  expect(ms).toBeLessThan(2000);
});

describe('a budget holds, whatever the size', () => {
  const LIMIT_MS = 200;
  const size = 20_000;
  const each = <T>(make: (index: number) => T): T[] =>
    Array.from({ length: size }, (_, index) => make(index));
  const first = [put('w', 0, 1, '0'), put('w', 2, 3, '1')];
  test.each<[string, () => History]>([
    [
      'local reads in a row by one server',
      () =>
        history([
          ...first,
          ...each((index) => localGet('r', 4 + 2 * index, 5 + 2 * index, index * 2 < size ? '0' : '1', 's')),
        ]),
    ],
    [
      'overlapping local reads by one server, then as many again',
      () =>
        history([
          ...first,
          ...each((index) => {
            const begin = 4 + (index * 2 < size ? 0 : 3 * size) + index;
            return localGet(`r${index}`, begin, begin + 1.5 * size, '0', 's');
          }),
        ]),
    ],
    [
      'writes in a row, and one stale read',
      () =>
        history([
          ...each((index) => put('w', 2 * index, 2 * index + 1, `${index}`)),
          get('r', 1e6, 1e6 + 1, '0'),
        ]),
    ],
    [
      'unknown writes, and one stale read',
      () =>
        history([
          ...first,
          ...each((index) => put(`w${index}`, 4 + index, Infinity, `${index + 2}`)),
          get('r', 1e6, 1e6 + 1, '0'),
          get('r', 1e6 + 2, 1e6 + 3, '0'),
        ]),
    ],
  ])('%s', (_, make) => {
    const recorded = make();
    const beganMs = performance.now();
    judge(recorded, { time: { nowMs: () => performance.now(), limitMs: LIMIT_MS } });
    expect(performance.now() - beganMs).toBeLessThan(3000);
  });
});
