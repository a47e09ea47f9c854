import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CallError } from '../../../src/core/errors';
import type { StateRecord } from '../../../src/core/state-machine';
import type { SnapshotAnswer, SnapshotPiece, SnapshotRequest } from '../../../src/protocols/log/messages';
import {
  SnapshotAssembly,
  SnapshotOffer,
  fetchSnapshot,
  type Snapshot,
} from '../../../src/protocols/log/snapshot';
import { virtualClock, watch } from '../../support/virtual-clock';
import { CLOCK, limits, offerOf, records, sent, sourceOf, type Answer } from './offers';

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
