import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CallError } from '../../../src/core/errors';
import type { StateRecord } from '../../../src/core/state-machine';
import type { SnapshotAnswer, SnapshotPiece, SnapshotRequest } from '../../../src/protocols/log/messages';
import {
  SnapshotAssembly,
  SnapshotOffer,
  SnapshotOffers,
  fetchSnapshot,
  type Snapshot,
  type SnapshotSource,
} from '../../../src/protocols/log/snapshot';
import { StateDigest } from '../../../src/protocols/log/state-digest';
import type { VirtualTime } from '../../../src/simulation/virtual-time';
import { virtualClock, watch } from '../../support/virtual-clock';

const records = fc.array(
  fc.tuple(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.constant({ nested: ['x'] }))),
  { maxLength: 30 },
);
const limits = fc.record({
  pieceSlots: fc.integer({ min: 1, max: 7 }),
  pieceCharacters: fc.integer({ min: 1, max: 40 }),
});
const { clock: CLOCK } = virtualClock();

/** As it arrives at a peer. */
function sent<T>(message: T): T {
  return JSON.parse(JSON.stringify(message)) as T;
}

type Answer = (request: SnapshotRequest) => Promise<SnapshotAnswer>;

function sourceOf(snapshot: Answer, clock = CLOCK): SnapshotSource {
  return { learner: { snapshot }, clock, resendMs: 50 };
}

function offerOf(id: string, slot: number, state: readonly StateRecord[]): SnapshotOffer {
  return new SnapshotOffer(id, { slot, records: state }, CLOCK);
}

function digestOf(state: readonly StateRecord[]): string {
  const digest = new StateDigest();
  for (const record of state) digest.add(record);
  return digest.toString();
}

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

describe('an asker', () => {
  const STATE: StateRecord[] = ['a', 'b', 'c', 'd', 'e'].map((key) => [key, '1']);
  const LIMIT = { pieceSlots: 2, pieceCharacters: 1000 };

  async function fetched(answers: readonly SnapshotAnswer[]): Promise<Snapshot | undefined> {
    const left = [...answers];
    const snapshot = (): Promise<SnapshotAnswer> => Promise.resolve(sent(left.shift()!));
    const result = await fetchSnapshot(sourceOf(snapshot), () => undefined);
    expect(left).toEqual([]);
    return result;
  }
  const pieces = (id: string, state = STATE): SnapshotPiece[] =>
    [0, 2, 4].map((from) => offerOf(id, 7, state).piece(from, LIMIT));

  test('begins anew when the offer expired, and gives up when that goes on', async () => {
    const [one, two] = [pieces('0.1.1'), pieces('0.2.1')];
    expect(await fetched([one[0]!, one[1]!, { kind: 'expired' }, ...two])).toEqual({
      slot: 7,
      records: STATE,
    });
    const expired = [one[0]!, { kind: 'expired' } as const];
    expect(await fetched([...expired, ...expired, ...expired])).toBeUndefined();
  });

  /** Whatever it is asked for from position 2 on fails at once, or stays unanswered, so many times. */
  function lossy(most: number, lose: () => Promise<never>): { asked: number[]; snapshot: Answer } {
    const offer = offerOf('0.1.1', 7, STATE);
    const asked: number[] = [];
    const snapshot: Answer = ({ from }) => {
      asked.push(from);
      const lost = asked.filter((position) => position === 2).length;
      return from === 2 && lost <= most
        ? lose()
        : Promise.resolve(sent<SnapshotAnswer>(offer.piece(from, LIMIT)));
    };
    return { asked, snapshot };
  }
  const losses = [
    ['failed', () => Promise.reject(new CallError('lost'))],
    ['was not answered', () => new Promise<never>(() => undefined)],
  ] as const;

  test.each(losses)('asks for a piece again whose call %s', async (_, lose) => {
    const { time, clock } = virtualClock();
    const { asked, snapshot } = lossy(3, lose);
    const fetching = watch(fetchSnapshot(sourceOf(snapshot, clock), () => undefined));
    await time.run(1000);
    expect(fetching).toMatchObject({ state: 'resolved', value: { slot: 7, records: STATE } });
    expect(asked).toEqual([0, 2, 2, 2, 2, 4]);
  });

  test('gives a silent peer up, after so many tries that a slow one is not flooded', async () => {
    const { time, clock } = virtualClock();
    const { asked, snapshot } = lossy(Infinity, losses[1][1]);
    const fetching = watch(fetchSnapshot(sourceOf(snapshot, clock), () => undefined));
    await time.run(2900);
    expect(fetching.state).toBe('pending');
    await time.run(200);
    expect(fetching.error).toBeInstanceOf(CallError);
    expect(asked.length).toBeGreaterThan(4);
    expect(asked.length).toBeLessThan(9);
  });

  test('waits for a slow peer before it asks again', async () => {
    const { time, clock } = virtualClock();
    const state: StateRecord[] = Array.from({ length: 40 }, (_, index) => [`k${index}`, '1']);
    const offer = offerOf('0.1.1', 7, state);
    const asked: number[] = [];
    const snapshot: Answer = async ({ from }) => {
      asked.push(from);
      await clock.sleep(500);
      return sent<SnapshotAnswer>(offer.piece(from, { ...LIMIT, pieceSlots: 1 }));
    };
    const fetching = watch(fetchSnapshot(sourceOf(snapshot, clock), () => undefined));
    await time.run(40 * 500 + 100);
    expect(fetching.state).toBe('resolved');
    expect(asked.filter((from) => from >= 10)).toHaveLength(30);
  });

  test('takes nothing from who has nothing, and no piece of another offer', async () => {
    const [one, two] = [pieces('0.1.1'), pieces('0.2.1')];
    expect(await fetched([{ kind: 'nothing' }])).toBeUndefined();
    expect(await fetched([one[0]!, { kind: 'nothing' }])).toBeUndefined();
    expect(await fetched([one[0]!, two[1]!])).toBeUndefined();
    expect(await fetched([one[0]!, one[2]!])).toBeUndefined();
    expect(await fetched([one[0]!, one[0]!])).toBeUndefined();
  });

  test('takes no snapshot that is not whole: too few records, too many, or others', async () => {
    const [first, second, last] = pieces('0.1.1') as [SnapshotPiece, SnapshotPiece, SnapshotPiece];
    const others: StateRecord[] = STATE.map(([key]) => [key, '2']);
    expect(await fetched([first, second, last])).toEqual({ slot: 7, records: STATE });
    expect(await fetched([first, { ...second, digest: last.digest }])).toBeUndefined();
    expect(await fetched([first, second, { ...last, records: [] }])).toBeUndefined();
    expect(
      await fetched([first, second, { ...last, records: [...last.records, ...last.records] }]),
    ).toBeUndefined();
    expect(
      await fetched([first, { ...second, records: pieces('', others)[1]!.records }, last]),
    ).toBeUndefined();
    expect(await fetched([first, { ...second, records: [] }])).toBeUndefined();
    expect(await fetched([{ ...first, count: 4 }, second, last])).toBeUndefined();
  });
});

/**
 * What can befall the pieces: servers make offers and forget them in restarts, an asker asks again and again, and what
 * was answered arrives late, twice, in any order, or never.
 */
test('however pieces arrive, and servers restart: exactly one of the offered states, or nothing', () => {
  let whole = 0;
  let broken = 0;
  const step = fc.oneof(
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('ask' as const), server: fc.nat(1) }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('arrive' as const), which: fc.nat(20) }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('converse' as const), server: fc.nat(1) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('restart' as const), server: fc.nat(1) }) },
  );
  fc.assert(
    fc.property(
      fc.array(records, { minLength: 1, maxLength: 4 }),
      limits,
      fc.array(step, { maxLength: 60 }),
      (states, limit, steps) => {
        const offered = new Map<string, Snapshot>();
        const servers: (SnapshotOffer | undefined)[] = [undefined, undefined];
        const inFlight: SnapshotPiece[] = [];
        let assembly = new SnapshotAssembly();
        const ask = (server: number, { offer, from }: SnapshotRequest): SnapshotPiece | undefined => {
          if (offer !== null)
            return servers[server]?.id === offer ? servers[server].piece(from, limit) : undefined;
          const state = { slot: offered.size + 1, records: states[offered.size % states.length]! };
          const id = `${server}.1.${state.slot}`;
          offered.set(id, state);
          servers[server] = new SnapshotOffer(id, state, CLOCK);
          return servers[server].piece(0, limit);
        };
        for (const action of steps) {
          if (action.kind === 'restart') servers[action.server] = undefined;
          else if (action.kind === 'arrive') {
            const piece = inFlight[action.which % Math.max(1, inFlight.length)];
            if (piece !== undefined) assembly.add(sent(piece));
          } else {
            const request = assembly.missing;
            const piece = ask(action.server, request);
            // An offer that is not there: begin anew.
            if (piece === undefined && request.offer?.startsWith(`${action.server}.`) === true) {
              assembly = new SnapshotAssembly();
              broken++;
            }
            if (piece !== undefined) inFlight.push(piece);
            if (piece !== undefined && action.kind === 'converse') assembly.add(sent(piece));
          }
          const { snapshot } = assembly;
          if (snapshot === undefined) continue;
          expect(snapshot).toEqual(offered.get(assembly.missing.offer ?? ''));
          whole++;
          assembly = new SnapshotAssembly();
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(whole).toBeGreaterThan(100);
  expect(broken).toBeGreaterThan(0);
});
