import { expect, test } from '@jest/globals';
import type { Ballot } from '../../../src/core/ballot';
import type { Environment } from '../../../src/core/environment';
import { Majority } from '../../../src/core/quorum';
import { RoundTrip } from '../../../src/core/round-trip';
import type { Value } from '../../../src/protocols/log/messages';
import { Rounds } from '../../../src/protocols/log/rounds';
import type { AcceptReply, AcceptorService, PrepareReply } from '../../../src/protocols/paxos/messages';
import { DEFAULT_OPTIONS } from '../../../src/protocols/paxos/options';
import { Proposer, type Outcome } from '../../../src/protocols/paxos/proposer';
import { MemoryStorage } from '../../../src/storage/memory-storage';
import { virtualClock } from '../../support/virtual-clock';

/** What the three acceptors answer in one attempt; undefined: nothing. */
interface Attempt {
  readonly prepare: readonly (((ballot: Ballot) => PrepareReply) | undefined)[];
  readonly accept?: readonly (((ballot: Ballot) => AcceptReply) | undefined)[];
  /** What the own learner has found out by then: that the slot is settled, too long ago to tell with which value. */
  readonly known?: true;
}

const OWN: Value = { id: '0.1.1', command: 'own' };
const OTHER: Value = { id: '1.1.1', command: 'other' };
const LONG_MS = 10_000;

const promised = (ballot: Ballot): PrepareReply => ({ kind: 'promised', ballot, accepted: null });
const reporting = (ballot: Ballot): PrepareReply => ({
  kind: 'promised',
  ballot,
  accepted: { ballot: { round: 1, server: 1 }, value: OTHER },
});
const accepted = (ballot: Ballot): AcceptReply => ({ kind: 'accepted', ballot });
const refused = ({ round }: Ballot): { kind: 'rejected'; promised: Ballot } => ({
  kind: 'rejected',
  promised: { round: round + 1, server: 2 },
});
const truncated = (): { kind: 'truncated'; floor: number } => ({ kind: 'truncated', floor: 9 });

/** How the slot comes out for the own value, and after how long, when the acceptors answer so, attempt by attempt. */
async function propose(...attempts: Attempt[]): Promise<{ outcome: Outcome; elapsedMs: number }> {
  const { time, clock } = virtualClock();
  let current = -1;
  const answer = <Reply>(reply: Reply | undefined): Promise<Reply> =>
    reply === undefined ? new Promise(() => undefined) : Promise.resolve(reply);
  const acceptor = (id: number): AcceptorService => ({
    prepare: ({ ballot }) => answer(attempts[current]?.prepare[id]?.(ballot)),
    accept: ({ ballot }) => answer(attempts[current]?.accept?.[id]?.(ballot)),
    highestAccepted: () => new Promise(() => undefined),
  });
  const proposer = new Proposer({
    environment: {
      self: 0,
      clock,
      random: { float: () => 0 },
      trace: (event: () => { kind: string }) => {
        if (event().kind === 'prepare-sent') current++;
      },
    } as unknown as Environment,
    settings: { quorums: new Majority([0, 1, 2]), thrifty: false },
    acceptors: new Map([0, 1, 2].map((id) => [id, acceptor(id)])),
    learner: {
      chosenIn: () => undefined,
      knows: () => attempts[current + 1]?.known === true,
      learn: () => Promise.resolve(null),
      until: () => clock.sleep(1),
    },
    peerLearners: [],
    rounds: new Rounds(new MemoryStorage()),
    roundTrip: new RoundTrip(),
    options: DEFAULT_OPTIONS,
  });
  const startedAt = clock.now();
  const outcome = await time.settled(proposer.propose(1, OWN, startedAt + LONG_MS), 2 * LONG_MS);
  return { outcome, elapsedMs: clock.now() - startedAt };
}

test.each(['prepare', 'accept'] as const)(
  '%s: a slot that is dropped anywhere is settled, and left at once',
  async (phase) => {
    const majority = [promised, promised, undefined];
    const { outcome, elapsedMs } = await propose(
      phase === 'prepare'
        ? { prepare: [truncated, truncated, undefined] }
        : { prepare: majority, accept: [truncated, truncated, undefined] },
    );
    expect(outcome).toEqual({ kind: 'truncated', voted: phase === 'accept' });
    expect(elapsedMs).toBeLessThan(LONG_MS / 10);
  },
);

test.each<[string, Attempt]>([
  ['an acceptor has dropped', { prepare: [undefined, truncated, undefined] }],
  ['the own learner has dropped', { prepare: [], known: true }],
])(
  'the own value is perhaps what was chosen in a slot that %s, once it was sent for a vote there',
  async (_, last) => {
    const sent: Attempt = {
      prepare: [promised, promised, undefined],
      accept: [accepted, undefined, undefined],
    };
    expect((await propose(sent, last)).outcome).toEqual({ kind: 'truncated', voted: true });
    expect((await propose({ prepare: [refused, refused, undefined] }, last)).outcome).toEqual({
      kind: 'truncated',
      voted: false,
    });
  },
);

test.each<[string, Attempt[]]>([
  ['two acceptors refuse', [{ prepare: [promised, promised], accept: [accepted, refused, refused] }]],
  ['nobody answers', [{ prepare: [promised, promised], accept: [] }]],
  [
    'another value is adopted in the next attempt',
    [
      { prepare: [promised, promised], accept: [] },
      { prepare: [undefined, reporting, promised], accept: [] },
    ],
  ],
])('the own value, once it was sent for a vote, may be chosen yet: %s', async (_, attempts) => {
  expect((await propose(...attempts)).outcome).toEqual({ kind: 'gave-up', voted: true });
});

test('a value that was never sent for a vote will not be chosen', async () => {
  const attempt = { prepare: [undefined, reporting, promised], accept: [] };
  expect((await propose(attempt)).outcome).toEqual({ kind: 'gave-up', voted: false });
});
