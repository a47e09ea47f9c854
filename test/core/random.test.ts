import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Random } from '../../src/core/environment';
import { SeededRandom } from '../../src/core/random';

function draw(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.float());
}

describe('seeded numbers', () => {
  test('the same seed gives the same numbers, on every machine and in every version', () => {
    expect(draw(new SeededRandom(7), 50)).toEqual(draw(new SeededRandom(7), 50));
    expect(draw(new SeededRandom(1), 3)).toMatchInlineSnapshot(`
      [
        0.48862119927071035,
        0.12686592643149197,
        0.1780517261940986,
      ]
    `);
  });

  test('other seeds give other numbers', () => {
    const firsts = new Set(Array.from({ length: 1000 }, (_, seed) => new SeededRandom(seed).float()));
    expect(firsts.size).toBe(1000);
  });

  test('forks are the same whatever was drawn before, and do not shift each other', () => {
    const used = new SeededRandom(3);
    draw(used, 100);
    expect(draw(used.fork('network'), 20)).toEqual(draw(new SeededRandom(3).fork('network'), 20));
    const random = new SeededRandom(3);
    const before = draw(new SeededRandom(3), 10);
    draw(random.fork('disk'), 10);
    expect(draw(random, 10)).toEqual(before);
  });

  test('forks differ by label, by seed and from their origin', () => {
    const streams = [
      new SeededRandom(3),
      new SeededRandom(3).fork(''),
      new SeededRandom(3).fork('a'),
      new SeededRandom(3).fork('b'),
      new SeededRandom(3).fork('ab'),
      new SeededRandom(3).fork('a').fork('b'),
      new SeededRandom(4).fork('a'),
    ];
    expect(new Set(streams.map((random) => draw(random, 4).join())).size).toBe(streams.length);
  });

  test('parallel streams do not go together', () => {
    const a = draw(new SeededRandom(1).fork('a'), 10_000);
    const b = draw(new SeededRandom(1).fork('b'), 10_000);
    const correlation = a.reduce((sum, x, i) => sum + (x - 0.5) * (b[i]! - 0.5), 0) / (10_000 / 12);
    expect(Math.abs(correlation)).toBeLessThan(0.04);
  });

  test('numbers are spread evenly', () => {
    const random = new SeededRandom(11);
    const counts = Array<number>(20).fill(0);
    const numbers = draw(random, 100_000);
    expect(numbers.every((x) => x >= 0 && x < 1)).toBe(true);
    for (const x of numbers) counts[Math.floor(x * 20)]!++;
    const chiSquared = counts.reduce((sum, count) => sum + (count - 5000) ** 2 / 5000, 0);
    // 19 degrees of freedom: above 43.8 once in a thousand.
    expect(chiSquared).toBeLessThan(43.8);
  });

  test('whole numbers keep both bounds', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: 0, max: 5 }),
        (seed, min, span) => {
          const random = new SeededRandom(seed);
          const drawn = new Set(Array.from({ length: 200 }, () => random.int(min, min + span)));
          expect([...drawn].sort((a, b) => a - b)).toEqual(
            Array.from({ length: span + 1 }, (_, i) => min + i),
          );
        },
      ),
    );
  });

  test('chances are kept', () => {
    const random = new SeededRandom(5);
    const hits = Array.from({ length: 20_000 }, () => random.chance(0.25)).filter(Boolean).length;
    expect(hits / 20_000).toBeCloseTo(0.25, 1);
    expect(random.chance(0)).toBe(false);
    expect(random.chance(1)).toBe(true);
  });
});
