import { expect, test } from '@jest/globals';
import { SeededRandom } from '../../../src/core/random';
import { SeenNumbers } from '../../../src/protocols/multi-paxos/seen-numbers';

const WINDOW = 2 ** 18;
const SEED = 7;

test('knows each number within its window, however far the numbers jump', () => {
  const random = new SeededRandom(SEED);
  const seen = new SeenNumbers();
  const added = new Set<number>();
  let highest = 0;
  for (let step = 0; step < 2000; step++) {
    const jump = random.chance(0.004) ? random.int(1, 2 * WINDOW) : random.int(-2000, 2000);
    const number = Math.max(1, highest + jump);
    seen.add(number);
    added.add(number);
    highest = Math.max(highest, number);
  }
  let within = 0;
  for (const number of added) {
    expect(seen.mayHave(number)).toBe(true);
    if (number > highest - WINDOW) within++;
  }
  expect(within).toBeGreaterThan(20);
  const first = Math.max(1, highest - WINDOW + 1);
  const wrong: number[] = [];
  for (let number = first; number <= highest + 100; number++)
    if (seen.mayHave(number) !== added.has(number)) wrong.push(number);
  expect({ seed: SEED, wrong }).toEqual({ seed: SEED, wrong: [] });
  expect(seen.mayHave(highest - WINDOW)).toBe(true);
});
