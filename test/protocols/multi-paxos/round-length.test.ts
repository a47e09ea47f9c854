import { expect, test } from '@jest/globals';
import { roundLength } from '../../../src/protocols/multi-paxos/round-length';

const LIMITS = { roundSlots: 3, roundCharacters: 10 };

function valuesOf(...sizes: number[]): { value: { id: string; command: { text: string } } }[] {
  return sizes.map((size, index) => ({ value: { id: `${index}`, command: { text: 'x'.repeat(size) } } }));
}

test.each([
  [[], 0, 0],
  [[1], 0, 1],
  [[1, 1, 1, 1], 0, 3],
  [[1, 1, 1, 1], 3, 1],
  [[5, 5, 5], 0, 2],
  [[5, 6], 0, 1],
  [[5, 6], 1, 1],
  [[100, 1], 0, 1],
  [[0, 100, 1], 0, 1],
])('values of %j characters, from %i on: %i travel together', (sizes, from, length) => {
  expect(roundLength(valuesOf(...sizes), from, LIMITS)).toBe(length);
});
