import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NO_BALLOT, compareBallots, formatBallot, maxBallot } from '../../src/core/ballot';

const ballots = fc.record({
  round: fc.integer({ min: 1, max: 200 }),
  server: fc.integer({ min: 0, max: 8 }),
});

test('ballots are totally ordered', () => {
  fc.assert(
    fc.property(ballots, ballots, ballots, (a, b, c) => {
      expect(Math.sign(compareBallots(a, b))).toBe(-Math.sign(compareBallots(b, a)) + 0);
      expect(compareBallots(a, b) === 0).toBe(a.round === b.round && a.server === b.server);
      if (compareBallots(a, b) <= 0 && compareBallots(b, c) <= 0)
        expect(compareBallots(a, c)).toBeLessThanOrEqual(0);
    }),
  );
});

test('the round counts before the server, and both as numbers', () => {
  const inOrder = [
    NO_BALLOT,
    { round: 1, server: 0 },
    { round: 1, server: 10 },
    { round: 2, server: 2 },
    { round: 9, server: 0 },
    { round: 10, server: 0 },
  ];
  for (const [i, a] of inOrder.entries())
    for (const [j, b] of inOrder.entries()) expect(Math.sign(compareBallots(a, b))).toBe(Math.sign(i - j));
});

test('no ballot is below every ballot', () => {
  fc.assert(
    fc.property(ballots, (ballot) => {
      expect(compareBallots(NO_BALLOT, ballot)).toBeLessThan(0);
    }),
  );
});

test('the higher of two ballots', () => {
  fc.assert(
    fc.property(ballots, ballots, (a, b) => {
      const max = maxBallot(a, b);
      expect([a, b]).toContain(max);
      expect(compareBallots(max, a)).toBeGreaterThanOrEqual(0);
      expect(compareBallots(max, b)).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('people read round and server', () => {
  expect(formatBallot({ round: 12, server: 3 })).toBe('12.3');
});
