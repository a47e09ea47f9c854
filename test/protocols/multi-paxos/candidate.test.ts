import { describe, expect, test } from '@jest/globals';
import { parseQuorums } from '../../../src/core/quorum';
import { RoundTrip } from '../../../src/core/round-trip';
import { Candidate, type Candidacy } from '../../../src/protocols/multi-paxos/candidate';
import type { AcceptorService, PrepareReply } from '../../../src/protocols/multi-paxos/messages';
import { Host } from '../../../src/simulation/host';
import { virtualWorld } from '../../../src/simulation/world';

const MEMBERS = [0, 1, 2];
const BALLOT = { round: 5, server: 0 };
const OLD = { round: 2, server: 1 };

type Piece = Omit<Extract<PrepareReply, { readonly kind: 'promised' }>, 'kind' | 'ballot'>;

/** Nothing is voted for, and up to here all is applied. */
const levelAt = (applied: number): Piece => ({ votes: [], next: null, floor: 1, applied });

/** A campaign of a server that has applied three slots; server 2 is silent. `pieces`: what the others promise. */
async function campaign(
  pieces: readonly (readonly Piece[])[],
): Promise<{ candidacy: Candidacy; learned: number }> {
  const world = virtualWorld(MEMBERS, 1);
  const environment = new Host(world, 0).boot();
  const learner = {
    applied: 3,
    until: (reached: () => boolean, delayMs: number): Promise<void> =>
      reached() ? Promise.resolve() : environment.clock.sleep(delayMs),
  };
  const acceptors = new Map(
    MEMBERS.map((member) => {
      const left = [...(pieces[member] ?? [])];
      const prepare = (): Promise<PrepareReply> => {
        const piece = left.shift();
        return piece === undefined
          ? new Promise(() => undefined)
          : Promise.resolve({ kind: 'promised', ballot: BALLOT, ...piece });
      };
      return [member, { prepare } as unknown as AcceptorService];
    }),
  );
  const candidate = new Candidate({
    environment,
    quorums: parseQuorums('majority', MEMBERS),
    acceptors,
    learner,
    repair: (target) => {
      learner.applied = Math.max(learner.applied, target);
      return Promise.resolve();
    },
    noOp: () => ({ id: 'no-op', command: null }),
    roundTrip: new RoundTrip(),
    options: { prepareResendMs: 10, candidacyMs: 500 },
  });
  const candidacy = await world.time.settled(candidate.campaign(BALLOT, 1), 1000);
  return { candidacy, learned: learner.applied };
}

describe('a candidate begins', () => {
  test('after the last slot that any acceptor of its quorum has forgotten', async () => {
    const { candidacy } = await campaign([[levelAt(3)], [{ ...levelAt(9), floor: 10 }]]);
    expect(candidacy).toEqual({ kind: 'elected', firstSlot: 10, inherited: [] });
  });

  test('after what an acceptor forgot between two pieces of its promise', async () => {
    const vote = { slot: 4, ballot: OLD, value: { id: 'a', command: 'x' } };
    const first = { votes: [vote], next: 5, floor: 1, applied: 3 };
    const { candidacy, learned } = await campaign([[levelAt(3)], [first, { ...levelAt(12), floor: 13 }]]);
    expect(learned).toBe(12);
    expect(candidacy).toEqual({ kind: 'elected', firstSlot: 13, inherited: [] });
  });
});
