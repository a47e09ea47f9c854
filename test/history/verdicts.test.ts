import { describe, expect, test } from '@jest/globals';
import type { History } from '../../src/history/history';
import { judge } from '../../src/history/judge';
import { checkLinearizability } from '../../src/history/linearizability';
import { checkLocalReads } from '../../src/history/local-reads';
import { UNKNOWN_TO_KEEP, failed, get, history, list, localGet, on, put, remove, swap } from './hand-made';

const never = Infinity;

describe('linearizable', () => {
  test.each<[string, History]>([
    ['nothing at all', history([])],
    ['a write and its read', history([put('a', 0, 1, '1'), get('b', 2, 3, '1')])],
    [
      'overlapping reads that see a write at different moments',
      history([put('a', 0, 9, '1'), get('b', 1, 4, '1'), get('c', 2, 3, null), get('d', 5, 6, '1')]),
    ],
    [
      'an unknown write seen later',
      history([put('a', 0, never, '1'), get('b', 1, 2, null), get('b', 3, 4, '1')]),
    ],
    [
      'an unknown write never seen',
      history([put('a', 0, never, '1'), get('b', 1, 2, null), get('b', 3, 4, null)]),
    ],
    [
      'an unknown write that takes effect after a later one',
      history([put('a', 0, never, '1'), put('b', 1, 2, '2'), get('b', 3, 4, '2'), get('b', 5, 6, '1')]),
    ],
    ['two unknown writes of one value, one to be kept for later', UNKNOWN_TO_KEEP],
    [
      'a write that failed and is not seen',
      history([put('a', 0, 1, '1'), failed(put('b', 2, 3, '2')), get('a', 4, 5, '1')]),
    ],
    [
      'compareAndSet in a row',
      history([
        swap('a', 0, 1, null, '1'),
        swap('b', 2, 3, null, '2', { swapped: false, actual: '1' }),
        swap('b', 4, 5, '1', null),
        remove('a', 6, 7, { deleted: false }),
      ]),
    ],
    ['a first value, when nobody knows it', history([get('a', 0, 1, '7'), get('a', 2, 3, '7')], 'unknown')],
    [
      'a list',
      history([put('a', 0, 1, '1'), on('y', put('a', 2, 3, '2')), list('b', 4, 5, { x: '1', y: '2' })]),
    ],
    [
      'a list that stopped before a key',
      history([
        put('a', 0, 1, '1'),
        on('y', put('a', 2, 3, '2')),
        list('b', 4, 5, { x: '1' }, { more: true }),
      ]),
    ],
    ['a list of other keys', history([put('a', 0, 1, '1'), list('b', 4, 5, {}, { prefix: 'y' })])],
    ['a list behind the key', history([put('a', 0, 1, '1'), list('b', 4, 5, {}, { after: 'x' })])],
  ])('%s', (_, recorded) => {
    expect(judge(recorded)).toMatchObject({ kind: 'linearizable' });
  });
});

describe('local reads', () => {
  const stale = history([
    put('a', 0, 1, '1'),
    put('a', 2, 3, '2'),
    localGet('b', 4, 5, '1', 's2'),
    localGet('b', 6, 7, '2', 's1'),
  ]);

  test('may be stale, and that is told', () => {
    expect(checkLinearizability(stale).kind).toBe('violation');
    expect(checkLocalReads(stale).kind).toBe('sequential');
    expect(judge(stale)).toMatchObject({
      kind: 'sequential',
      violation: { anomaly: { name: 'stale read' } },
    });
  });

  test.each<[string, string, History]>([
    [
      'the reads of one server go back',
      'read that goes back in time',
      history([
        put('a', 0, 1, '1'),
        put('a', 2, 3, '2'),
        localGet('b', 4, 5, '2', 's2'),
        localGet('c', 6, 7, '1', 's2'),
      ]),
    ],
    ['one shows what nobody wrote', 'value from nowhere', history([localGet('b', 4, 5, '1', 's2')])],
    [
      'one shows what is written only later',
      'value from nowhere',
      history([localGet('b', 0, 1, '1', 's2'), put('a', 2, 3, '1')]),
    ],
    [
      'another read is stale that may not be',
      'stale read',
      history([
        put('a', 0, 1, '1'),
        localGet('b', 2, 3, null, 's2'),
        get('c', 4, 5, null),
        get('c', 6, 7, '1'),
      ]),
    ],
  ])('but not so: %s', (_, name, recorded) => {
    expect(checkLocalReads(recorded).kind).toBe('violation');
    expect(judge(recorded)).toMatchObject({ kind: 'violation', violation: { anomaly: { name } } });
  });

  test.each<[string, History]>([
    [
      'overlapping reads may show their numbers in any order, other servers too',
      history([
        put('a', 0, 1, '1', { slot: 4 }),
        localGet('b', 2, 5, '1', 's1', 4),
        localGet('c', 3, 6, null, 's1', 3),
        localGet('c', 7, 8, null, 's2', 3),
      ]),
    ],
    [
      'different servers may disagree for a while',
      history([put('a', 0, 1, '1'), localGet('b', 2, 3, '1', 's1'), localGet('c', 4, 5, null, 's2')]),
    ],
    [
      'so may reads of servers that nobody knows',
      history([put('a', 0, 1, '1'), localGet('b', 2, 3, '1'), localGet('c', 4, 5, null)]),
    ],
    [
      'overlapping reads of one server have no order',
      history([put('a', 0, 1, '1'), localGet('b', 2, 5, '1', 's1'), localGet('c', 3, 4, null, 's1')]),
    ],
  ])('%s', (_, recorded) => {
    expect(checkLocalReads(recorded).kind).toBe('sequential');
  });
});

describe('never a silent pass', () => {
  const hard = history([
    ...Array.from({ length: 30 }, (_, index) => put(`p${index}`, index, 100 + index, `${index}`)),
    ...['1', '2', '1'].map((value, index) => get('r', 200 + 2 * index, 201 + 2 * index, value)),
  ]);

  test.each([
    ['steps', { steps: 1000 }, 'the budget of steps is spent'],
    ['configurations', { configurations: 1000 }, 'the budget of remembered configurations is spent'],
  ])('a spent budget of %s is not a pass', (_, budget, reason) => {
    expect(checkLinearizability(hard, budget)).toMatchObject({
      kind: 'unknown',
      reason: `key "x" is not decided: ${reason}`,
    });
  });

  test('nor is a spent budget of time', () => {
    let nowMs = 0;
    const time = { nowMs: () => nowMs++, limitMs: 20 };
    expect(checkLinearizability(hard, { time })).toMatchObject({
      kind: 'unknown',
      reason: expect.stringContaining('the budget of time is spent'),
    });
    expect(judge(hard, { time })).toMatchObject({ kind: 'unknown' });
  });

  test('a violation elsewhere is found all the same', () => {
    const recorded = history([...hard.operations, ...[get('a', 300, 301, '7')].map((part) => on('y', part))]);
    expect(checkLinearizability(recorded, { steps: 1000 })).toMatchObject({
      kind: 'violation',
      violated: { key: 'y' },
    });
  });

  test('a history without answers has checked nothing', () => {
    expect(
      checkLinearizability(history([put('a', 0, never, '1'), failed(get('b', 1, 2, null))])),
    ).toMatchObject({
      kind: 'linearizable',
      checked: 0,
    });
    for (const [recorded, checked] of [
      [history([put('a', 0, 1, '1')]), 0],
      [history([put('a', 0, 1, '1', { replaced: false })]), 1],
      [history([put('a', 0, 1, '1'), list('b', 2, 3, {}, { prefix: 'y' })]), 0],
      [history([put('a', 0, 1, '1'), list('b', 2, 3, { x: '1' })]), 1],
      [history([swap('a', 0, 1, null, '1', {}), swap('a', 2, 3, '1', '2')]), 1],
    ] as const)
      expect(checkLinearizability(recorded)).toMatchObject({ checked });
  });
});
