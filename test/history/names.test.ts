import { describe, expect, test } from '@jest/globals';
import type { History } from '../../src/history/history';
import { judge } from '../../src/history/judge';
import { failed, get, history, list, localGet, on, put, swap } from './hand-made';

const never = Infinity;

describe('violations have a name', () => {
  test.each<[string, string, RegExp, History]>([
    [
      'a stale read',
      'stale read',
      /get x -> "1" by c .*put x = "2" by a had been acknowledged 2 ms before it began/,
      history([put('a', 0, 1, '1'), put('a', 2, 3, '2'), get('b', 4, 6, '2'), get('c', 5, 7, '1')]),
    ],
    [
      'an acknowledged write that nothing shows',
      'lost update',
      /no later answer shows its effect/,
      history([put('a', 0, 1, '1'), put('a', 2, 3, '2'), get('b', 4, 5, '1'), get('c', 6, 7, '1')]),
    ],
    [
      'an old value, where another write may have followed the one that nothing shows',
      'stale read',
      /get x -> "1" by d .*put x = "2" by a/,
      history([
        put('a', 0, 1, '1'),
        put('a', 2, 5, '2'),
        put('b', 3, 4, '3'),
        get('c', 6, 7, '3'),
        get('c', 8, 9, '3'),
        get('d', 10, 11, '1'),
      ]),
    ],
    [
      'the same with a write of unknown outcome',
      'stale read',
      /get x -> "1" by d .*put x = "2" by a/,
      history([
        put('a', 0, 1, '1'),
        put('a', 2, 3, '2'),
        put('b', 4, never, '3'),
        get('c', 6, 7, '3'),
        get('d', 10, 11, '1'),
      ]),
    ],
    [
      'a write that ran twice, because a retry was not recognised (P-19)',
      'read that goes back in time',
      /had shown "2" already, and 1 ms later get x -> "1" by c shows the older "1" again/,
      history([
        put('a', 0, 9, '1'),
        get('c', 1, 2, '1'),
        put('b', 3, 4, '2'),
        get('c', 5, 6, '2'),
        get('c', 7, 8, '1'),
      ]),
    ],
    [
      'a read that goes back',
      'read that goes back in time',
      /the older absent/,
      history([put('a', 0, 9, '1'), get('b', 1, 2, '1'), get('c', 3, 4, null)]),
    ],
    [
      'a value that nobody wrote',
      'value from nowhere',
      /nobody ever wrote that/,
      history([put('a', 0, 1, '1'), get('b', 2, 3, '7')]),
    ],
    [
      'a value before it was written',
      'value from nowhere',
      /put x = "1" by a did so later/,
      history([get('b', 0, 1, '1'), put('a', 2, 3, '1')]),
    ],
    [
      'a write that had failed',
      'value from nowhere',
      /put x = "1" \(failed\) by a, was told that it failed/,
      history([failed(put('a', 0, 1, '1')), get('b', 2, 3, '1')]),
    ],
    [
      'two compareAndSet of the same value',
      'lost update',
      /both swapped the same "1"/,
      history([put('a', 0, 1, '1'), swap('b', 2, 5, '1', '2'), swap('c', 3, 4, '1', '3')]),
    ],
    [
      'a write that found nothing where something was',
      'lost update',
      /found absent/,
      history([put('a', 0, 1, '1'), put('b', 2, 3, '2', { replaced: false })]),
    ],
    [
      'a key that a list left out',
      'stale read',
      /list, get y -> absent/,
      history([on('y', put('a', 0, 1, '1')), on('z', put('a', 2, 3, '1')), list('b', 4, 5, { z: '1' })]),
    ],
    [
      'a list out of order',
      'impossible list',
      /"x" comes after "y", which is not the order of keys/,
      history([put('a', 0, 1, '1'), list('b', 2, 3, { y: '1', x: '1' })]),
    ],
    [
      'a list that is too long',
      'impossible list',
      /2 entries, its limit was 1/,
      history([list('b', 2, 3, { x: '1', y: '1' }, { limit: 1 })]),
    ],
    [
      'a list outside of its prefix',
      'impossible list',
      /does not begin with the prefix/,
      history([list('b', 2, 3, { x: '1' }, { prefix: 'y' })]),
    ],
    [
      'a list before its start',
      'impossible list',
      /does not come after "x"/,
      history([list('b', 2, 3, { x: '1' }, { after: 'x' })]),
    ],
    [
      'a list from two moments',
      'torn read',
      /it shows y as "2", but after slot 2.* the key held absent/,
      history([
        put('a', 0, 8, '1', { slot: 1 }),
        put('a', 1, 9, '3', { slot: 2 }),
        on('y', put('b', 2, 7, '2', { slot: 3 })),
        list('c', 3, 6, { x: '3', y: '2' }, { applied: 2 }),
      ]),
    ],
    [
      'a server that goes back from one key to another',
      'read that goes back in time',
      /server s1 had applied the log up to slot 1, but up to 3 when it answered operation 4/,
      history([
        put('a', 0, 1, '1', { slot: 1 }),
        put('a', 2, 3, '2', { slot: 2 }),
        on('y', put('a', 4, 5, '1', { slot: 3 })),
        on('y', localGet('b', 6, 7, '1', 's1', 3)),
        localGet('b', 8, 9, '1', 's1', 1),
      ]),
    ],
    [
      'a linearizable read by a server that was behind, of a key that nobody wrote',
      'stale read',
      /up to slot 1 only, but the write in slot 2 \(operation 1\)/,
      history([put('a', 0, 1, '1', { slot: 2 }), list('b', 2, 3, {}, { prefix: 'y', applied: 1 })]),
    ],
    [
      'two writes in one slot',
      'slot given twice',
      /its slot is 3, which is that of operation 1 of a too/,
      history([put('a', 0, 1, '1', { slot: 3 }), on('y', put('b', 2, 3, '1', { slot: 3 }))]),
    ],
  ])('%s', (_, name, text, recorded) => {
    const judgement = judge(recorded);
    expect(judgement).toMatchObject({ kind: 'violation', violation: { anomaly: { name } } });
    expect(judgement).toMatchObject({
      violation: { anomaly: { text: expect.stringMatching(text) } },
    });
  });
});
