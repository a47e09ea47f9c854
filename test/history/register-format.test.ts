import { describe, expect, test } from '@jest/globals';
import { HistoryError } from '../../src/history/json-lines';
import { isRegisterFormat, parseRegisterHistory } from '../../src/history/register-format';

const lines = (...all: readonly object[]): string => all.map((each) => JSON.stringify(each)).join('\n');
const begin = (process: number | string, op: string, rest: object = {}): object => ({
  process,
  type: 'invoke',
  op,
  ...rest,
});
const end = (process: number | string, type: string, op: string, rest: object = {}): object => ({
  process,
  type,
  op,
  ...rest,
});

test('reads, writes and compareAndSet of one register', () => {
  const { initial, operations } = parseRegisterHistory(
    lines(
      begin(0, 'write', { value: '1' }),
      begin(1, 'cas', { expect: '1', value: '2' }),
      end(0, 'ok', 'write'),
      end(1, 'ok', 'cas', { swapped: false }),
      begin(0, 'read'),
      end(0, 'ok', 'read', { result: null }),
      begin('nemesis', 'read'),
      end('nemesis', 'fail', 'read'),
    ),
  );
  expect(initial).toBe('absent');
  expect(operations).toMatchObject([
    { client: '0', request: { op: 'put', value: '1' }, outcome: 'ok', invoked: 0, ended: 2 },
    { client: '1', request: { op: 'compareAndSet', expect: '1', value: '2' }, response: { swapped: false } },
    { client: '0', request: { op: 'get', read: 'linearizable' }, response: { value: null } },
    { client: 'nemesis', outcome: 'fail' },
  ]);
  expect(new Set(operations.map(({ request }) => 'key' in request && request.key)).size).toBe(1);
});

test('a process that comes back after an unknown end is another client', () => {
  const { operations } = parseRegisterHistory(
    lines(
      begin(0, 'write', { value: '1' }),
      end(0, 'unknown', 'write', { error: 'timeout' }),
      begin(0, 'write', { value: '2' }),
      end(0, 'ok', 'write', { value: '2' }),
      begin(1, 'cas', { expect: '1', value: '2' }),
    ),
  );
  expect(operations).toMatchObject([
    { client: '0', outcome: 'unknown', ended: Infinity, error: 'timeout' },
    { client: '0.2', outcome: 'ok' },
    { client: '1', outcome: 'unknown', ended: Infinity },
  ]);
});

test('what other recorders write is understood', () => {
  const { operations } = parseRegisterHistory(
    `\uFEFF${lines(
      begin(0, 'write', { value: 1, time: 12.5, index: 0, id: 7 }),
      begin(1, 'read', { value: null }),
      begin(2, 'read', { value: null }),
      begin(3, 'cas', { expect: 1, value: 2 }),
      begin(4, 'cas', { expect: '1', value: '3' }),
      end(0, 'info', 'write', { value: 1, error: 'timeout', time: 13 }),
      end(1, 'ok', 'read', { value: 1 }),
      end(2, 'ok', 'read', { value: null, result: '1' }),
      end(3, 'ok', 'cas'),
      end(4, 'fail', 'cas', { swapped: false }),
      begin(5, 'read'),
      begin(5, 'write', { value: '4' }),
      end(5, 'ok', 'write'),
      begin(2, 'read'),
      end(2, 'ok', 'read', { value: null }),
    )}`,
  );
  expect(operations).toMatchObject([
    { client: '0', request: { op: 'put', value: '1' }, outcome: 'unknown' },
    { client: '1', response: { value: '1' } },
    { client: '2', response: { value: '1' } },
    { client: '3', request: { expect: '1', value: '2' }, response: { swapped: true } },
    { client: '4', outcome: 'fail' },
    { client: '5', outcome: 'unknown' },
    { client: '5.2', request: { op: 'put', value: '4' }, outcome: 'ok' },
    { client: '2', response: { value: null } },
  ]);
});

describe('what is not understood is refused', () => {
  const write = begin(0, 'write', { value: '1' });
  test.each<[string, readonly object[], RegExp]>([
    ['an unknown operation', [begin(0, 'append', { value: '1' })], /^line 1: op: /],
    ['an unknown field', [begin(0, 'read', { key: 'x' })], /^line 1: Unrecognized key: "key"/],
    ['an unknown type', [end(0, 'maybe', 'read')], /^line 1: type: .*, found "maybe"$/],
    ['a fraction as a value', [begin(0, 'write', { value: 1.5 })], /^line 1: value: .*, found 1.5$/],
    ['a read without its result', [begin(0, 'read'), end(0, 'ok', 'read')], /^line 2: result: missing/],
    [
      'a read with two results',
      [begin(0, 'read'), end(0, 'ok', 'read', { value: 1, result: 2 })],
      /^line 2: value is 1 but result is 2$/,
    ],
    ['a cas that failed and swapped', [end(0, 'fail', 'cas', { swapped: true })], /^line 1: swapped: /],
    ['an end without a begin', [end(0, 'ok', 'write')], /^line 1: process 0 ends what it has not begun$/],
    [
      'the end of another operation',
      [write, end(0, 'fail', 'read')],
      /^line 2: process 0 ends a read but has begun a write$/,
    ],
    [
      'the end with another value',
      [write, end(0, 'ok', 'write', { value: '2' })],
      /^line 2: value is 2 here but was 1 at the begin$/,
    ],
  ])('%s', (_, all, message) => {
    const parse = (): unknown => parseRegisterHistory(lines(...all));
    expect(parse).toThrow(HistoryError);
    expect(parse).toThrow(message);
  });
});

test('the two formats are told apart', () => {
  expect(isRegisterFormat(`\n${lines(begin(0, 'read'))}`)).toBe(true);
  expect(isRegisterFormat('{"type":"invoke","id":1,"client":"a","op":"delete","key":"\\"process\\":"}')).toBe(
    false,
  );
  expect(isRegisterFormat(`\uFEFF${lines(begin(0, 'read', { id: 4 }))}`)).toBe(true);
  expect(isRegisterFormat('{"type":"history","version":1}')).toBe(false);
  expect(isRegisterFormat('')).toBe(false);
});
