import { describe, expect, test } from '@jest/globals';
import { SeededRandom } from '../../src/core/random';
import { heldAfter } from '../../src/history/describe';
import type { History } from '../../src/history/history';
import { judge } from '../../src/history/judge';
import { partition } from '../../src/history/partition';
import { explainViolation, type ViolatedWindow } from '../../src/history/violation';
import { get, history, put } from './hand-made';
import { naivelyLinearizable } from './naive';
import { randomHistory } from './random-history';

function windowOf(recorded: History): ViolatedWindow | undefined {
  const judgement = judge(recorded);
  return 'violation' in judgement ? judgement.violation.window : undefined;
}

/** The window as histories of their own, one for each state that it may begin in. */
function histories({ starts, operations, key }: ViolatedWindow): History[] {
  if (starts === 'any') return [{ initial: 'unknown', operations }];
  return starts.map((start) => {
    const request =
      start === null
        ? ({ op: 'delete', key } as const)
        : ({ op: 'put', key, value: start ?? 'unseen' } as const);
    const first = { id: 0, client: '', request, invoked: -10, ended: -9, outcome: 'ok' } as const;
    return { initial: 'absent', operations: [first, ...operations] };
  });
}

describe('the window of a violation', () => {
  const random = new SeededRandom(11);
  const cases = Array.from({ length: 4000 }, (_, index) =>
    randomHistory(random, {
      operations: 6,
      clients: 3,
      keys: ['x'],
      values: ['1', '2'],
      initial: index % 4 === 0 ? 'unknown' : 'absent',
      unknown: index % 2 === 0 ? 0.3 : 0,
      localReads: 0,
      lie: 1,
      missing: 0.2,
    }),
  );
  const windows = cases.flatMap((recorded) => windowOf(recorded) ?? []);

  test('cannot be explained either, says the naive checker', () => {
    expect(windows.length).toBeGreaterThan(1000);
    const explained = windows.filter((window) => histories(window).some((each) => naivelyLinearizable(each)));
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

test('without steps to make it smaller it is the whole key', () => {
  const recorded = history([put('a', 0, 1, '1'), put('a', 2, 3, '2'), get('b', 4, 5, '1')]);
  const { window } = explainViolation(recorded, partition(recorded).keys[0]!, { steps: 0 }, false);
  expect(window).toMatchObject({ starts: [null], omitted: 0 });
  expect(window?.operations).toHaveLength(3);
});
