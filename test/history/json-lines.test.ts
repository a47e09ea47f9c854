import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { HistoryEvent } from '../../src/history/history';
import {
  formatEvent,
  formatHeader,
  HistoryError,
  historyOf,
  parseHistory,
} from '../../src/history/json-lines';
import { Recorder } from '../../src/history/recorder';

const BEGIN = '{"type":"invoke","id":1,"client":"a","op":"put","key":"x","value":"1"}';
const OK = '{"type":"ok","id":1,"replaced":false,"slot":4,"server":"s1"}';

test('lines become operations in the order of their begins', () => {
  const get = '{"type":"invoke","id":7,"client":"b","op":"get","key":"x","read":"local","timeMs":1.5}';
  const { initial, operations } = parseHistory(
    [BEGIN, get, '', OK, '{"type":"ok","id":7,"value":null}'].join('\n'),
  );
  expect(initial).toBe('absent');
  expect(operations).toMatchObject([
    {
      id: 1,
      client: 'a',
      request: { op: 'put', key: 'x', value: '1' },
      invoked: 0,
      ended: 2,
      outcome: 'ok',
      response: { replaced: false, slot: 4 },
      server: 's1',
    },
    {
      id: 7,
      request: { op: 'get', key: 'x', read: 'local' },
      invoked: 1,
      ended: 3,
      response: { value: null },
      invokedMs: 1.5,
    },
  ]);
});

test('a header may come first', () => {
  expect(parseHistory(`${formatHeader('unknown')}\n${BEGIN}\n`).initial).toBe('unknown');
  expect(parseHistory(`${formatHeader('absent')}\n`)).toEqual({ initial: 'absent', operations: [] });
  expect(parseHistory('{"type":"history","version":1}').initial).toBe('absent');
  expect(parseHistory('')).toEqual({ initial: 'absent', operations: [] });
});

test('what never ended, or ended unknown, is open', () => {
  for (const end of [[], ['{"type":"unknown","id":1,"error":"timed out"}']])
    expect(parseHistory([BEGIN, ...end].join('\n')).operations).toMatchObject([
      { outcome: 'unknown', ended: Infinity },
    ]);
  expect(parseHistory(`${BEGIN}\n{"type":"fail","id":1,"error":"no"}`).operations).toMatchObject([
    { outcome: 'fail', ended: 1, error: 'no' },
  ]);
});

describe('a wrong line is named', () => {
  test.each<[string, readonly string[], RegExp]>([
    ['not JSON', [BEGIN, '{"type":'], /^line 2 is not JSON: /],
    ['of no known type', ['{"type":"begin","id":1}'], /^line 1: type: Invalid/],
    ['an unknown field', ['{"type":"ok","id":1,"valu":"1"}'], /^line 1: Unrecognized key: "valu"/],
    ['a missing field', ['{"type":"invoke","id":1,"client":"a","op":"get","key":"x"}'], /^line 1: read: /],
    ['a value that is no text', [BEGIN.replace('"1"', '1')], /^line 1: value: /],
    ['a second begin', [BEGIN, '', BEGIN], /^line 3: operation 1 has begun before$/],
    ['an end without a begin', [OK], /^line 1: operation 1 ends without a begin$/],
    ['a second end', [BEGIN, OK, '{"type":"unknown","id":1}'], /^line 3: operation 1 has ended before$/],
    ['a header of another version', ['{"type":"history","version":2}'], /^line 1: version: /],
    ['a header in the middle', [BEGIN, formatHeader('absent')], /^line 2: type: /],
    ['null', ['null'], /^line 1: /],
    [
      'the answer to another operation',
      [BEGIN, '{"type":"ok","id":1,"swapped":true}'],
      /^line 2: swapped is no part of the answer to a put, as operation 1 is; that has replaced, slot$/,
    ],
  ])('%s', (_, lines, message) => {
    const parse = (): unknown => parseHistory(lines.join('\n'));
    expect(parse).toThrow(HistoryError);
    expect(parse).toThrow(message);
  });
});

test('what a recorder sees comes back from its lines', () => {
  const recorded: HistoryEvent[] = [];
  let nowMs = 0;
  const recorder = new Recorder(
    () => nowMs++,
    (event) => recorded.push(event),
  );
  const first = recorder.invoke('a', { op: 'compareAndSet', key: 'x', expect: null, value: '1' });
  const second = recorder.invoke('b', { op: 'list', prefix: '', limit: 5, read: 'local' });
  recorder.ok(first, { swapped: true, actual: null, slot: 1 }, 's1');
  recorder.ok(second, { entries: [{ key: 'x', value: '1' }], more: false, applied: 1 });
  recorder.unknown(recorder.invoke('a', { op: 'delete', key: 'x' }), 'timed out');
  recorder.fail(recorder.invoke('c', { op: 'put', key: 'x', value: '' }), 'refused');
  const read = parseHistory(recorded.map(formatEvent).join('\n'));
  expect(read).toEqual(historyOf(recorded, 'absent'));
  expect(read.operations.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'unknown', 'fail']);
});

test('any text survives', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (key, value) => {
      const event: HistoryEvent = { type: 'invoke', id: 1, client: 'a', op: 'put', key, value };
      expect(formatEvent(event)).not.toContain('\n');
      expect(parseHistory(formatEvent(event)).operations[0]?.request).toEqual({ op: 'put', key, value });
    }),
    { seed: 1 },
  );
});

test('events that do not belong together name the event', () => {
  expect(() => historyOf([{ type: 'fail', id: 3 }], 'absent')).toThrow(
    'event 1: operation 3 ends without a begin',
  );
});
