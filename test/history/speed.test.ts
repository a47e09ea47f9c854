import { expect, test } from '@jest/globals';
import { SeededRandom } from '../../src/core/random';
import type { History, Operation } from '../../src/history/history';
import { judge, type Judgement } from '../../src/history/judge';
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
