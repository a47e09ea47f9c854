import { describe, expect, jest, test } from '@jest/globals';
import type { HistoryEvent } from '../../src/history/history';
import { assertJudged } from '../e2e/load/judge';

/** A write, and a read of what it wrote. */
const good: readonly HistoryEvent[] = [
  { type: 'invoke', id: 1, client: 'a', op: 'put', key: 'x', value: '1' },
  { type: 'ok', id: 1, replaced: false },
  { type: 'invoke', id: 2, client: 'b', op: 'get', key: 'x', read: 'linearizable' },
  { type: 'ok', id: 2, value: '1' },
];
const local = (id: number, value: string | null): readonly HistoryEvent[] => [
  { type: 'invoke', id, client: 'c', op: 'get', key: 'x', read: 'local' },
  { type: 'ok', id, value, server: 's1' },
];
const withAnswer = (value: string | null): readonly HistoryEvent[] => [
  ...good.slice(0, 3),
  { type: 'ok', id: 2, value },
];

describe('the judge of the loads', () => {
  test('counts strict and local answers', () => {
    expect(assertJudged('good', good, 2)).toEqual({ strict: 2, local: 0 });
    expect(assertJudged('good', [...good, ...local(3, null), ...local(4, '1')], 2)).toEqual({
      strict: 2,
      local: 2,
    });
  });

  test.each<[string, readonly HistoryEvent[], number, RegExp]>([
    ['a stale read', withAnswer(null), 2, /^load is in .*load\.jsonl:\nstale read: /],
    ['a value from nowhere', withAnswer('7'), 2, /value from nowhere/],
    [
      'local reads of one server that go back',
      [...good, ...local(3, '1'), ...local(4, null)],
      2,
      /read that goes back in time: Server s1 went back/,
    ],
    ['too few answers', good, 3, /only 2 answers, not 3/],
    ['local answers instead of strict ones', [...good, ...local(3, '1')], 3, /only 2 answers, not 3/],
    ['no answer at all', [], 1, /only 0 answers, not 1/],
  ])('refuses %s', (_, events, atLeast, message) => {
    expect(() => assertJudged('load', events, atLeast)).toThrow(message);
  });

  test('refuses what could not be decided', () => {
    let nowMs = 0;
    const spy = jest.spyOn(performance, 'now').mockImplementation(() => (nowMs += 20_000));
    try {
      expect(() => assertJudged('load', good, 2)).toThrow(/the budget of time is spent/);
    } finally {
      spy.mockRestore();
    }
  });
});
