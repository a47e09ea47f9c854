import { describe, expect, test } from '@jest/globals';
import type { Ballot, Slot } from '../../../src/core/ballot';
import type { Environment } from '../../../src/core/environment';
import { Follower } from '../../../src/protocols/multi-paxos/follower';
import type { Vote } from '../../../src/protocols/multi-paxos/messages';
import { virtualClock } from '../../support/virtual-clock';

const OPTIONS = { gapMs: 30, leaderSilenceMs: 600 };
const [LOW, HIGH] = [
  { round: 1, server: 0 },
  { round: 2, server: 1 },
];

interface Rig {
  readonly follower: Follower;
  readonly votes: Map<Slot, Vote>;
  /** What the learner was told to be chosen. */
  readonly learned: string[];
  /** Under which ballots, as it said. */
  readonly ballots: (Ballot | undefined)[];
  readonly repairs: Slot[];
  readonly learner: { applied: Slot };
  readonly pass: (durationMs: number) => Promise<void>;
}

function rig(): Rig {
  const { time, clock } = virtualClock();
  const votes = new Map<Slot, Vote>();
  const learned: string[] = [];
  const ballots: (Ballot | undefined)[] = [];
  const repairs: Slot[] = [];
  const learner = {
    applied: 0,
    learnAll: (entries: Iterable<{ slot: Slot; value: { id: string } }>, chosenBy?: Ballot) => {
      ballots.push(chosenBy);
      for (const { slot, value } of entries) {
        learned.push(`${slot}: ${value.id}`);
        learner.applied = slot;
      }
    },
  };
  const environment = { clock, trace: () => undefined } as unknown as Environment;
  const follower = new Follower({
    environment,
    learner,
    voteIn: (slot) => votes.get(slot),
    repair: (target) => {
      repairs.push(target);
      return Promise.resolve();
    },
    options: OPTIONS,
  });
  return { follower, votes, learned, ballots, repairs, learner, pass: (durationMs) => time.run(durationMs) };
}

function vote({ votes }: Rig, slot: Slot, id: string, ballot: Ballot): void {
  votes.set(slot, { slot, ballot, value: { id, command: id } });
}

describe('a follower', () => {
  test('learns what it has voted for under the ballot of the leader, as far as that says it is chosen', () => {
    const parts = rig();
    for (const slot of [1, 2, 3]) vote(parts, slot, `v${slot}`, LOW);
    parts.follower.heard(LOW, 2);
    expect([parts.learned, parts.ballots]).toEqual([['1: v1', '2: v2'], [LOW]]);
  });

  test('does not learn a vote of an older ballot, but asks for that slot', async () => {
    const parts = rig();
    vote(parts, 1, 'old', LOW);
    vote(parts, 2, 'new', HIGH);
    parts.follower.heard(HIGH, 2);
    await parts.pass(OPTIONS.gapMs + 1);
    expect([parts.learned, parts.repairs]).toEqual([[], [2]]);
  });

  test('does not learn a vote of a newer ballot than that of the leader it hears', () => {
    const parts = rig();
    vote(parts, 1, 'newer', HIGH);
    parts.follower.heard(LOW, 1);
    expect(parts.learned).toEqual([]);
  });

  test('takes no word of an older leader, neither for what is chosen nor for who leads', async () => {
    const parts = rig();
    parts.follower.heard(HIGH, 0);
    await parts.pass(OPTIONS.leaderSilenceMs);
    vote(parts, 1, 'old', LOW);
    parts.follower.heard(LOW, 1);
    expect(parts.learned).toEqual([]);
    expect([parts.follower.leader, parts.follower.hearsLeader]).toEqual([1, false]);
  });

  test('learns what it voted for late, once it votes and hears again', () => {
    const parts = rig();
    parts.follower.heard(LOW, 2);
    vote(parts, 1, 'v1', LOW);
    parts.follower.heard(LOW, 1);
    expect(parts.learned).toEqual(['1: v1']);
  });

  test('does not ask for what arrives by itself in a moment', async () => {
    const parts = rig();
    parts.follower.heard(LOW, 1);
    await parts.pass(OPTIONS.gapMs / 2);
    vote(parts, 1, 'v1', LOW);
    parts.follower.heard(LOW, 1);
    await parts.pass(OPTIONS.gapMs * 3);
    expect([parts.learned, parts.repairs]).toEqual([['1: v1'], []]);
  });

  test('asks for nothing any more once it is stopped', async () => {
    const parts = rig();
    parts.follower.heard(LOW, 1);
    parts.follower.stop();
    await parts.pass(OPTIONS.gapMs * 3);
    expect(parts.repairs).toEqual([]);
  });

  test('tells of a leader that is new, or heard again after a silence, and of no other', async () => {
    const parts = rig();
    let news = 0;
    const cancel = parts.follower.watch(() => news++);
    const heard = (ballot: Ballot): number => {
      parts.follower.heard(ballot, 0);
      return news;
    };
    expect([heard(LOW), heard(LOW), heard(HIGH), heard(LOW)]).toEqual([1, 1, 2, 2]);
    await parts.pass(OPTIONS.leaderSilenceMs);
    expect(heard(HIGH)).toBe(3);
    cancel();
    expect(heard({ round: 3, server: 2 })).toBe(3);
  });
});
