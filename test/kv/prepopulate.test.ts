import { describe, expect, test } from '@jest/globals';
import { parsePrepopulate } from '../../src/kv/prepopulate';
import { KeyValueStore } from '../../src/kv/store';

describe('prepopulate.json', () => {
  test('is one object of string values', () => {
    expect([...parsePrepopulate('{"a": "1", "": "", "b/c": "\\u0000"}')]).toEqual([
      ['a', '1'],
      ['', ''],
      ['b/c', '\0'],
    ]);
    expect(parsePrepopulate('{}').size).toBe(0);
  });

  test('__proto__ and constructor are ordinary keys', () => {
    const entries = parsePrepopulate('{"__proto__": "1", "constructor": "2", "toString": "3", "a": "4"}');
    expect([...entries]).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
      ['toString', '3'],
      ['a', '4'],
    ]);
    expect(new KeyValueStore(entries).get('__proto__')).toBe('1');
  });

  test('of a key that is there twice the last value counts, as everywhere in JSON', () => {
    expect([...parsePrepopulate('{"a": "1", "a": "2"}')]).toEqual([['a', '2']]);
  });

  test.each([
    ['', 'it is not JSON'],
    ['{"a": "1",}', 'it is not JSON'],
    ["{'a': '1'}", 'it is not JSON'],
    ['[]', 'it must be one object'],
    ['null', 'it must be one object'],
    ['"a"', 'it must be one object'],
    ['{"a": 1}', 'key "a": a value must be a string'],
    ['{"a": null}', 'key "a": a value must be a string'],
    ['{"a": {"b": "c"}}', 'key "a": a value must be a string'],
    ['{"a": ["b"]}', 'key "a": a value must be a string'],
    ['{"__proto__": 1}', 'key "__proto__": a value must be a string'],
    ['{"__proto__": {"a": "b"}}', 'key "__proto__": a value must be a string'],
  ])('%j is refused with a sentence', (text, says) => {
    expect(() => parsePrepopulate(text)).toThrow(says);
  });

  test('each entry is shown to the check', () => {
    const seen: string[][] = [];
    parsePrepopulate('{"a": "1", "__proto__": "2"}', (...entry) => seen.push(entry));
    expect(seen).toEqual([
      ['a', '1'],
      ['__proto__', '2'],
    ]);
    expect(() =>
      parsePrepopulate('{"a": "1"}', () => {
        throw new Error('no');
      }),
    ).toThrow('no');
  });
});
