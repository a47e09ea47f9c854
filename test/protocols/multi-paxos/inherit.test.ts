import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareBallots } from '../../../src/core/ballot';
import type { Value } from '../../../src/protocols/log/messages';
import { inherit } from '../../../src/protocols/multi-paxos/candidate';
import type { Vote } from '../../../src/protocols/multi-paxos/messages';

const votes: fc.Arbitrary<Vote[]> = fc.array(
  fc
    .record({
      slot: fc.integer({ min: 1, max: 8 }),
      ballot: fc.record({ round: fc.integer({ min: 1, max: 12 }), server: fc.integer({ min: 0, max: 2 }) }),
    })
    // A ballot has one value in a slot.
    .map(({ slot, ballot }) => ({
      slot,
      ballot,
      value: { id: `${slot} ${ballot.round}.${ballot.server}`, command: 'x' },
    })),
);

function noOps(): () => Value {
  let made = 0;
  return () => ({ id: `no-op ${++made}`, command: null });
}

describe('what a new leader inherits', () => {
  test('is, from its first slot to the last with a vote, the value of the highest ballot, or a no-op', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), votes, (first, reported) => {
        const entries = inherit(first, reported, noOps());
        const last = Math.max(first - 1, ...reported.map(({ slot }) => slot));
        expect(entries.map(({ slot }) => slot)).toEqual(
          Array.from({ length: last - first + 1 }, (_, index) => first + index),
        );
        for (const { slot, value } of entries) {
          const inSlot = reported.filter((vote) => vote.slot === slot);
          const highest = inSlot.sort((a, b) => compareBallots(b.ballot, a.ballot))[0];
          expect(value.command).toBe(highest === undefined ? null : 'x');
          if (highest !== undefined) expect(value.id).toBe(highest.value.id);
        }
        const made = entries.filter(({ value }) => value.command === null);
        expect(new Set(made.map(({ value }) => value.id)).size).toBe(made.length);
      }),
    );
  });

  test('does not depend on the order of the answers', () => {
    fc.assert(
      fc.property(votes, (reported) => {
        expect(inherit(1, [...reported].reverse(), noOps())).toEqual(inherit(1, reported, noOps()));
      }),
    );
  });

  test('is nothing, if nothing is reported from the first slot on', () => {
    const vote = { slot: 4, ballot: { round: 1, server: 0 }, value: { id: 'x', command: 'x' } };
    expect(inherit(5, [vote], noOps())).toEqual([]);
  });
});
