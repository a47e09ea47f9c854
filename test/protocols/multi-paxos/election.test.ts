import { describe, expect, test } from '@jest/globals';
import type { ServerId } from '../../../src/core/ballot';
import type { Environment } from '../../../src/core/environment';
import { parseQuorums } from '../../../src/core/quorum';
import { RoundTrip } from '../../../src/core/round-trip';
import { Election } from '../../../src/protocols/multi-paxos/election';
import type { AcceptorService, PreVoteReply } from '../../../src/protocols/multi-paxos/messages';
import { virtualClock } from '../../support/virtual-clock';

const OPTIONS = { electionMinMs: 600, electionMaxMs: 1200, startStepMs: 50, prepareResendMs: 100 };
const ANSWER_MS = 10;
const NOBODY = { round: 0, server: 0 };

type Behaviour = 'grants' | 'refuses' | 'is down';

/** How the first pre-vote of server 0 ends, and after how long. */
async function preVote(behaviours: readonly Behaviour[]): Promise<{ won: boolean; tookMs: number }> {
  const { time, clock } = virtualClock();
  const members = behaviours.map((_, id) => id);
  let begunAt: number | undefined;
  let ended: { won: boolean; tookMs: number } | undefined;
  const environment = {
    self: 0,
    clock,
    random: { float: () => 0.5 },
    trace: (event: () => { kind: string; won?: boolean }) => {
      const { kind, won } = event();
      if (kind === 'pre-vote') ended ??= { won: won === true, tookMs: clock.now() - (begunAt ?? NaN) };
    },
    fail: (error: unknown) => {
      throw error;
    },
  } as unknown as Environment;
  const answers: Record<Behaviour, () => Promise<PreVoteReply>> = {
    grants: () => clock.sleep(ANSWER_MS).then(() => ({ kind: 'granted' })),
    refuses: () => clock.sleep(ANSWER_MS).then(() => ({ kind: 'refused', promised: null })),
    'is down': () => Promise.reject(new Error('connection refused')),
  };
  const acceptors = new Map<ServerId, AcceptorService>();
  for (const [id, behaviour] of behaviours.entries()) {
    const preVoteOf = (): Promise<PreVoteReply> => {
      begunAt ??= clock.now();
      return answers[behaviour]();
    };
    acceptors.set(id, { preVote: preVoteOf } as unknown as AcceptorService);
  }
  const election = new Election({
    environment,
    quorums: parseQuorums('majority', members),
    acceptors,
    promised: () => NOBODY,
    leads: () => false,
    follower: { ballot: NOBODY, silentMs: Infinity, leader: undefined } as never,
    candidate: { campaign: () => new Promise(() => undefined) } as never,
    rounds: { next: () => Promise.resolve(1) } as never,
    onElected: () => undefined,
    roundTrip: new RoundTrip(),
    options: OPTIONS,
  });
  election.start();
  await time.run(2000);
  election.stop();
  if (ended === undefined) throw new Error('no pre-vote has ended');
  return ended;
}

describe('a pre-vote', () => {
  test.each<[string, Behaviour[]]>([
    ['three of five refuse', ['grants', 'grants', 'refuses', 'refuses', 'refuses']],
    ['three refuse and one is down', ['grants', 'is down', 'refuses', 'refuses', 'refuses']],
    ['the other one of two refuses', ['grants', 'refuses']],
  ])('has failed as soon as no quorum is left: %s', async (_, behaviours) => {
    expect(await preVote(behaviours)).toEqual({ won: false, tookMs: ANSWER_MS });
  });

  test.each<[string, Behaviour[]]>([
    ['two refuse', ['grants', 'grants', 'grants', 'refuses', 'refuses']],
    ['two are down', ['grants', 'grants', 'grants', 'is down', 'is down']],
  ])('is won by a quorum although %s', async (_, behaviours) => {
    expect(await preVote(behaviours)).toEqual({ won: true, tookMs: ANSWER_MS });
  });

  test('waits for those that are silent while they could still make a quorum, but not for ever', async () => {
    const behaviours: Behaviour[] = ['grants', 'grants', 'is down', 'refuses', 'refuses'];
    expect(await preVote(behaviours)).toEqual({ won: false, tookMs: OPTIONS.electionMinMs });
  });
});
