import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SnapshotOffer } from '../../../src/protocols/log/snapshot';
import { virtualClock } from '../../support/virtual-clock';

const records = fc.array(
  fc.tuple(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.constant({ nested: ['x'] }))),
  { maxLength: 30 },
);

test('the pieces put together are the state, whatever the limits', () => {
  fc.assert(
    fc.property(
      records,
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 40 }),
      (state, count, characters) => {
        const { clock } = virtualClock();
        const offer = new SnapshotOffer(9, state, clock);
        const received: unknown[] = [];
        for (let next: number | null = 0; next !== null;) {
          const piece = offer.piece(next, count, characters);
          expect(piece.slot).toBe(9);
          expect(piece.records.length).toBeLessThanOrEqual(count);
          expect(piece.records.length > 0 || state.length === 0).toBe(true);
          received.push(...piece.records);
          next = piece.next;
        }
        expect(received).toEqual(state);
      },
    ),
  );
});

test('a piece stops when it is large enough, but a record larger than the limit passes', () => {
  const { clock } = virtualClock();
  const offer = new SnapshotOffer(
    1,
    [
      ['a', 'x'.repeat(100)],
      ['b', 'x'],
      ['c', 'x'],
    ],
    clock,
  );
  expect(offer.piece(0, 100, 10)).toMatchObject({ records: [['a', expect.any(String)]], next: 1 });
  expect(offer.piece(1, 100, 10)).toMatchObject({
    records: [['b'], ['c']].map(([key]) => [key, 'x']),
    next: null,
  });
  expect(offer.piece(3, 100, 10)).toMatchObject({ records: [], next: null });
});

test('an offer that nobody asks for any more is idle', async () => {
  const { time, clock } = virtualClock();
  const offer = new SnapshotOffer(1, [['a', 1]], clock);
  await time.run(9000);
  expect(offer.isIdle).toBe(false);
  offer.piece(0, 1, 1);
  await time.run(9000);
  expect(offer.isIdle).toBe(false);
  await time.run(2000);
  expect(offer.isIdle).toBe(true);
});
