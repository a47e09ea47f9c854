import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareKeys } from '../../src/core/key-order';

const sign = Math.sign;
const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Texts whose code units order differently from their code points, and the borders around them. */
const tricky = fc.string({
  unit: fc.constantFrom(
    'a',
    '\0',
    '\u{7f}',
    'é',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '\u{10000}',
    '\u{10ffff}',
    '𝒳',
  ),
  maxLength: 6,
});
const text = fc.oneof(tricky, fc.string({ unit: 'binary', maxLength: 8 }));

describe('key order', () => {
  test('is the byte order of UTF-8', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(sign(compareKeys(a, b))).toBe(bytewise(a, b));
      }),
      { numRuns: 2000 },
    );
  });

  test('also where two keys begin alike', () => {
    fc.assert(
      fc.property(tricky, text, text, (start, a, b) => {
        expect(sign(compareKeys(start + a, start + b))).toBe(bytewise(a, b));
      }),
      { numRuns: 1000 },
    );
  });

  test('astral characters come after U+FFFF, unlike in the order of code units', () => {
    expect(compareKeys('\u{10000}', '\uffff')).toBeGreaterThan(0);
    expect(['\uffff', '\u{10000}'].sort()).toEqual(['\u{10000}', '\uffff']);
    expect(compareKeys('\ue000', '\u{10ffff}')).toBeLessThan(0);
  });
});
