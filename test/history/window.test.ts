import { describe, expect, test } from '@jest/globals';
import { SeededRandom } from '../../src/core/random';
import { heldAfter } from '../../src/history/describe';
import type { History } from '../../src/history/history';
import { judge } from '../../src/history/judge';
import { partition } from '../../src/history/partition';
import { explainViolation, type ViolatedWindow } from '../../src/history/violation';
import { get, history, localGet, put } from './hand-made';
import { naivelyLinearizable, someOrder } from './naive';
import { randomHistory } from './random-history';

function windowOf(recorded: History): ViolatedWindow | undefined {
  const judgement = judge(recorded);
  return 'violation' in judgement ? judgement.violation.window : undefined;
}

function isExplained({ starts, operations, key, relaxLocalReads }: ViolatedWindow): boolean {
  if (starts === 'any') return naivelyLinearizable({ initial: 'unknown', operations }, relaxLocalReads);
  return starts.some((start) =>
    someOrder(operations, new Map([[key, start === undefined ? 'unseen' : start]]), relaxLocalReads),
  );
}

describe('the window of a violation', () => {
  const random = new SeededRandom(11);
  const cases = Array.from({ length: 2500 }, (_, index) =>
    randomHistory(random, {
      operations: 6,
      clients: 3,
      keys: ['x'],
      values: ['1', '2'],
      initial: index % 4 === 0 ? 'unknown' : 'absent',
      unknown: index % 2 === 0 ? 0.3 : 0,
      localReads: index % 5 === 0 ? 0.8 : 0,
      lie: 1,
      missing: 0.2,
    }),
  );
  const windows = cases.flatMap((recorded) => windowOf(recorded) ?? []);

  test('cannot be explained either, says the naive checker', () => {
    expect(windows.length).toBeGreaterThan(700);
    expect(windows.filter(({ relaxLocalReads }) => relaxLocalReads).length).toBeGreaterThan(50);
    const explained = windows.filter(isExplained);
    expect(explained).toEqual([]);
  });

  test('is often smaller', () => {
    const smaller = windows.filter(({ omitted }) => omitted > 0).length;
    expect(smaller).toBeGreaterThan(windows.length / 2);
  });

  test('shows an order that is possible, and what has no place in it', () => {
    for (const { operations, start, order, unplaced } of windows) {
      expect(unplaced.length).toBeGreaterThan(0);
      const answered = operations.filter(({ outcome }) => outcome === 'ok').length;
      expect(order.filter(({ operation }) => operation.outcome === 'ok').length + unplaced.length).toBe(
        answered,
      );
      let held = start;
      for (const { operation, after } of order) {
        if (operation.request.op === 'get') expect(operation.response?.value).toEqual(held);
        held = heldAfter(held, operation);
        expect(after).toBe(held);
      }
    }
  });
});

test('a stale read at the end of a long history is told with two operations', () => {
  const many = Array.from({ length: 2000 }, (_, index) =>
    index % 2 === 0
      ? put('a', 10 * index, 10 * index + 5, `${index}`)
      : get('b', 10 * index, 10 * index + 5, `${index - 1}`),
  );
  const window = windowOf(
    history([
      ...many,
      put('a', 30_000, 30_005, 'new'),
      get('c', 30_010, 30_020, '1998'),
      get('c', 30_030, 30_040, 'new'),
    ]),
  );
  expect(window).toMatchObject({
    starts: ['1998'],
    operations: [{ request: { value: 'new' } }, { response: { value: '1998' } }],
    order: [{ after: 'new' }],
    unplaced: [{ reason: 'but then the key holds "new"' }],
    omitted: 2001,
  });
});

test('so is a local read that goes back', () => {
  const many = Array.from({ length: 500 }, (_, index) => put('a', 10 * index, 10 * index + 5, `${index}`));
  const window = windowOf(
    history([
      ...many,
      localGet('b', 6000, 6001, '1', 's2'),
      put('a', 6010, 6015, 'new'),
      localGet('b', 6020, 6021, 'new', 's1'),
      localGet('c', 6030, 6031, '499', 's1'),
      localGet('c', 6040, 6041, '1', 's3'),
    ]),
  );
  expect(window).toMatchObject({
    relaxLocalReads: true,
    starts: ['499'],
    operations: [{ request: { value: 'new' } }, { server: 's1' }, { server: 's1' }],
  });
});

test('without steps to make it smaller it is the whole key', () => {
  const recorded = history([put('a', 0, 1, '1'), put('a', 2, 3, '2'), get('b', 4, 5, '1')]);
  const { window } = explainViolation(recorded, partition(recorded).keys[0]!, { steps: 0 }, false);
  expect(window).toMatchObject({ starts: [null], omitted: 0 });
  expect(window?.operations).toHaveLength(3);
});

test('a value that nobody wrote stands alone', () => {
  const window = windowOf(
    history([
      put('a', 0, 9, '1', { replaced: false }),
      put('b', 1, 8, '2', { replaced: true }),
      get('c', 2, 7, '1'),
      get('d', 3, 10, 'phantom'),
    ]),
  );
  expect(window?.operations).toMatchObject([{ response: { value: 'phantom' } }]);
});

test('writes that the contradiction does not need are left out, and the others stay as they were', () => {
  const writes = Array.from({ length: 200 }, (_, index) => put('a', 10 * index, 10 * index + 15, `${index}`));
  const window = windowOf(history([...writes, get('b', 3000, 3001, '5')]));
  expect(window?.operations.length).toBeLessThan(4);
  expect(window?.operations.every(({ outcome }) => outcome === 'ok')).toBe(true);
});
