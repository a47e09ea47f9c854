import { describe, expect, test } from '@jest/globals';
import type { Environment } from '../../../src/core/environment';
import { Majority } from '../../../src/core/quorum';
import { RoundTrip } from '../../../src/core/round-trip';
import { Candidate, type Candidacy } from '../../../src/protocols/multi-paxos/candidate';
import type { AcceptorService, PrepareReply } from '../../../src/protocols/multi-paxos/messages';
import { DEFAULT_OPTIONS } from '../../../src/protocols/multi-paxos/options';
import { virtualClock } from '../../support/virtual-clock';

const BALLOT = { round: 7, server: 0 };
const VOTE = { slot: 6, ballot: { round: 3, server: 1 }, value: { id: 'v', command: null } };
const NONE: PrepareReply = { kind: 'promised', ballot: BALLOT, votes: [], next: null, floor: 1, applied: 0 };

/** What comes of a candidacy of server 0, which a repair tells of the slots up to `repairedTo`, among three. */
async function campaign(replies: readonly PrepareReply[], repairedTo: number): Promise<Candidacy> {
  const { time, clock } = virtualClock();
  const learner = { applied: 0, until: (_: () => boolean, delayMs: number) => clock.sleep(delayMs) };
  const acceptor = (reply: PrepareReply | undefined): AcceptorService =>
    ({
      prepare: () => (reply === undefined ? new Promise(() => undefined) : Promise.resolve(reply)),
    }) as Partial<AcceptorService> as AcceptorService;
  const candidate = new Candidate({
    environment: { self: 0, clock, trace: () => undefined, fail: () => undefined } as unknown as Environment,
    quorums: new Majority([0, 1, 2]),
    acceptors: new Map([0, 1, 2].map((id) => [id, acceptor(replies[id])])),
    learner,
    repair: () => {
      learner.applied = repairedTo;
      return Promise.resolve();
    },
    noOp: () => ({ id: 'none', command: null }),
    roundTrip: new RoundTrip(),
    options: DEFAULT_OPTIONS,
  });
  return time.settled(candidate.campaign(BALLOT, 1), 2 * DEFAULT_OPTIONS.candidacyMs);
}

describe('a candidate of whose quorum one knows slots up to 5 to be chosen', () => {
  test.each<[string, Partial<PrepareReply>]>([
    ['has dropped their votes', { floor: 6 }],
    ['has applied them', { applied: 5 }],
  ])('and %s: leads when it has learned them, and not before', async (_, known) => {
    const replies = [NONE, { ...NONE, votes: [VOTE], ...known } as PrepareReply];
    expect(await campaign(replies, 0)).toEqual({ kind: 'silent' });
    expect(await campaign(replies, 5)).toEqual({
      kind: 'elected',
      firstSlot: 6,
      inherited: [{ slot: 6, value: VOTE.value }],
    });
  });
});
