import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StateRecord } from '../../../src/core/state-machine';
import type { SnapshotAnswer, SnapshotRequest } from '../../../src/protocols/log/messages';
import { SnapshotOffers, fetchSnapshot } from '../../../src/protocols/log/snapshot';
import type { VirtualTime } from '../../../src/simulation/virtual-time';
import { virtualClock } from '../../support/virtual-clock';
import { digestOf, limits, offerOf, records, sent, sourceOf } from './offers';

describe('an offer', () => {
  test('its pieces put together are the state, whatever the limits', async () => {
    await fc.assert(
      fc.asyncProperty(records, limits, async (state, limit) => {
        const offer = offerOf('0.1.1', 9, state);
        let pieces = 0;
        const snapshot = ({ from }: SnapshotRequest): Promise<SnapshotAnswer> => {
          const piece = offer.piece(from, limit);
          expect(piece.records.length).toBeLessThanOrEqual(limit.pieceSlots);
          expect(piece.records.length > 0 || state.length === 0).toBe(true);
          return Promise.resolve(sent(piece));
        };
        expect(await fetchSnapshot(sourceOf(snapshot), () => pieces++)).toEqual({ slot: 9, records: state });
        expect(pieces).toBeGreaterThan(0);
      }),
    );
  });

  test('a piece stops when it is large enough, but a record larger than the limit passes', () => {
    const state: StateRecord[] = ['x'.repeat(100), 'x', 'x'].map((text, i) => ['abc'.charAt(i), text]);
    const offer = offerOf('0.1.1', 1, state);
    const limit = { pieceSlots: 100, pieceCharacters: 10 };
    expect(offer.piece(0, limit)).toMatchObject({
      from: 0,
      records: state.slice(0, 1),
      count: 3,
      digest: null,
    });
    expect(offer.piece(1, limit)).toMatchObject({
      from: 1,
      records: state.slice(1),
      digest: digestOf(state),
    });
    expect(offer.piece(3, limit)).toMatchObject({ from: 3, records: [] });
  });

  test('the digest is of all records, in whatever order and how often the pieces are asked for', () => {
    fc.assert(
      fc.property(records, limits, fc.array(fc.nat(30), { maxLength: 10 }), (state, limit, asked) => {
        const offer = offerOf('0.1.1', 1, state);
        for (const from of [...asked, state.length]) {
          const { digest, records: some } = offer.piece(from, limit);
          expect(digest === null || digest === digestOf(state)).toBe(true);
          if (from < state.length) expect(digest !== null).toBe(from + some.length === state.length);
        }
      }),
    );
  });

  /** A server's offers; those of empty states come in one piece. */
  function offers(): {
    readonly time: VirtualTime;
    readonly asked: (offer: string | null, slot?: number) => string;
  } {
    const { time, clock } = virtualClock();
    const kept = new SnapshotOffers(clock, { pieceSlots: 1, pieceCharacters: 1 });
    let named = 0;
    kept.nameBy(() => `0.1.${++named}`);
    const asked = (offer: string | null, slot = 1): string => {
      const answer = kept.answer({ offer, from: 0 }, slot, () => ({ slot, records: [] }));
      return answer.kind === 'piece' ? answer.offer : answer.kind;
    };
    return { time, asked };
  }

  test('one that nobody asks for any more is dropped after ten seconds', async () => {
    const { time, asked } = offers();
    expect(asked(null)).toBe('0.1.1');
    await time.run(9000);
    expect(asked('0.1.1')).toBe('0.1.1');
    await time.run(9000);
    expect(asked('0.1.1')).toBe('0.1.1');
    await time.run(11_000);
    expect([asked('0.1.1'), asked(null)]).toEqual(['expired', '0.1.2']);
  });

  test('of three, the one that was not asked for the longest is dropped', async () => {
    const { time, asked } = offers();
    expect(asked(null, 1)).toBe('0.1.1');
    await time.run(10);
    expect(asked(null, 2)).toBe('0.1.2');
    await time.run(10);
    expect(asked('0.1.1')).toBe('0.1.1');
    await time.run(10);
    expect(asked(null, 3)).toBe('0.1.3');
    expect([1, 2, 3].map((n) => asked(`0.1.${n}`))).toEqual(['0.1.1', 'expired', '0.1.3']);
  });

  test('who begins gets the newest one, unless it is of too early a slot', () => {
    const { asked } = offers();
    expect([asked(null, 5), asked(null, 4), asked(null, 6)]).toEqual(['0.1.1', '0.1.1', '0.1.2']);
  });
});

describe('a digest', () => {
  test('differs for other records, another order, and one record less or twice', () => {
    fc.assert(
      fc.property(records, records, (a, b) => {
        expect(digestOf(a) === digestOf(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
    const differing: StateRecord[][] = [
      [],
      [['', '']],
      [['a', '1']],
      [['a', 1]],
      [['a', '"1"']],
      [['a1', '']],
      [['', 'a1']],
      [['a', null]],
      [['a', 'null']],
      [['a', '1'], ['a', '1']],
      [['a', '1'], ['b', '2']],
      [['b', '2'], ['a', '1']],
    ]; // prettier-ignore
    expect(new Set(differing.map(digestOf)).size).toBe(differing.length);
  });
});
