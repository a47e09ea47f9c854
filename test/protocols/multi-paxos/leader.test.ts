import { describe, expect, test } from '@jest/globals';
import type { ServerId, Slot } from '../../../src/core/ballot';
import type { Environment } from '../../../src/core/environment';
import { parseQuorums } from '../../../src/core/quorum';
import type { LeaderLease } from '../../../src/core/replica';
import { RoundTrip } from '../../../src/core/round-trip';
import type { End } from '../../../src/protocols/multi-paxos/heartbeats';
import { Leader } from '../../../src/protocols/multi-paxos/leader';
import type { AcceptorService } from '../../../src/protocols/multi-paxos/messages';
import { DEFAULT_OPTIONS } from '../../../src/protocols/multi-paxos/options';
import type { VirtualTime } from '../../../src/simulation/virtual-time';
import { virtualClock, watch } from '../../support/virtual-clock';

const BALLOT = { round: 7, server: 0 };

interface Given {
  readonly quorums?: string;
  readonly members?: readonly ServerId[];
  readonly lease?: LeaderLease;
  /** From which slot on each acceptor votes; one that is missing does not answer. */
  readonly floors?: ReadonlyMap<ServerId, Slot>;
  /** Who answers heartbeats, beyond the leader itself. */
  readonly following?: ReadonlySet<ServerId>;
  readonly inheritedSlots?: number;
  readonly highestChosen?: Slot;
  readonly knows?: (slot: Slot) => boolean;
}

interface Rig {
  readonly leader: Leader;
  readonly time: VirtualTime;
  readonly learned: Slot[];
  readonly repairs: Slot[];
  readonly ends: End[];
  /** What the followers were told to be chosen, heartbeat by heartbeat. */
  readonly told: Slot[];
}

/** A leader that starts in slot 1, among acceptors that answer at once or not at all. */
function rig(given: Given): Rig {
  const { members = [0, 1, 2], floors = new Map<ServerId, Slot>(), following = new Set(members) } = given;
  const { time, clock } = virtualClock();
  const [learned, repairs, told]: [Slot[], Slot[], Slot[]] = [[], [], []];
  const ends: End[] = [];
  const acceptor = (id: ServerId): AcceptorService =>
    ({
      accept: () => {
        const floor = floors.get(id);
        if (floor === undefined) return new Promise(() => undefined);
        return Promise.resolve({ kind: 'accepted', ballot: BALLOT, floor });
      },
      heartbeat: ({ chosenUpTo }) => {
        if (id !== 0) told.push(chosenUpTo);
        if (id !== 0 && !following.has(id)) return new Promise(() => undefined);
        return Promise.resolve({ kind: 'following', ballot: BALLOT, applied: 0 });
      },
    }) as Partial<AcceptorService> as AcceptorService;
  const leader = new Leader({
    environment: { self: 0, clock, trace: () => undefined, fail: () => undefined } as unknown as Environment,
    settings: {
      quorums: parseQuorums(given.quorums ?? 'majority', members),
      thrifty: false,
      lease: given.lease,
    },
    acceptors: new Map(members.map((id) => [id, acceptor(id)])),
    learner: {
      highestChosen: given.highestChosen ?? 0,
      knows: given.knows ?? (() => false),
      learnAll: (entries) => learned.push(...[...entries].map(({ slot }) => slot)),
    },
    repair: (target) => Promise.resolve(void repairs.push(target)),
    ballot: BALLOT,
    firstSlot: 1,
    onEnd: (end) => ends.push(end),
    roundTrip: new RoundTrip(),
    options: DEFAULT_OPTIONS,
    inheritedSlots: given.inheritedSlots ?? 0,
  });
  return { leader, time, learned, repairs, ends, told };
}

const value = (id: string): { id: string; command: null } => ({ id, command: null });
const INHERITED = [
  { slot: 1, value: value('a') },
  { slot: 2, value: value('b') },
];
/** Acceptor 0 has votes from slot 1 on, acceptor 1 is done with it. */
const FLOORS = new Map([
  [0, 1],
  [1, 2],
]);

describe('a leader', () => {
  test('counts no vote for a slot from an acceptor that is done with it, and learns what came of it', async () => {
    const { leader, time, learned, repairs } = rig({ inheritedSlots: 2, floors: FLOORS });
    leader.start(INHERITED);
    await time.run(50);
    expect([learned, repairs]).toEqual([[], [1]]);
  });

  test('steps down when a slot that it inherited turns out to be chosen without it', async () => {
    const { leader, time, ends } = rig({ inheritedSlots: 2, floors: FLOORS, knows: (slot) => slot === 1 });
    leader.start(INHERITED);
    await time.run(50);
    expect(ends).toEqual([{ reason: 'overtaken', by: BALLOT }]);
  });

  test('begins behind what it inherits, and has each slot chosen once', async () => {
    const floors = new Map([0, 1, 2].map((id) => [id, 1]));
    const { leader, time, learned } = rig({ inheritedSlots: 2, floors });
    leader.start(INHERITED);
    const reply = watch(leader.propose(value('c')));
    await time.run(100);
    expect(reply.value).toEqual({ kind: 'chosen', slot: 3 });
    expect(learned).toEqual([1, 2, 3]);
  });

  test('tells its followers in a moment what is chosen, also where nothing else is to be said', async () => {
    const { leader, time, told } = rig({ floors: new Map([0, 1, 2].map((id) => [id, 1])) });
    leader.start([]);
    void leader.propose(value('a'));
    await time.run(DEFAULT_OPTIONS.heartbeatMs - 1);
    expect(told).toEqual([0, 0, 1, 1]);
  });

  test('takes no command while it hands over', async () => {
    const { leader, time } = rig({});
    leader.start([]);
    leader.close();
    const reply = watch(leader.propose(value('a')));
    await time.run(1);
    expect([reply.value, leader.pending]).toEqual([{ kind: 'not-leading' }, 0]);
  });
});

describe('a read at a leader', () => {
  test('sees what it inherited, and what its learner has heard of from others', async () => {
    for (const [given, slot] of [
      [{ highestChosen: 9 }, 9],
      [{ inheritedSlots: 4 }, 4],
    ] as const) {
      const { leader, time } = rig(given);
      expect(await time.settled(leader.readIndex(), 100)).toEqual({ slot, chosenUpTo: 0 });
    }
  });

  const members = [0, 1, 2, 3, 4];
  const lease = { durationMs: 1000, maxDrift: 0.1 };

  test.each([
    ['without', undefined],
    ['with', lease],
  ])('%s a lease waits for servers that meet every phase-1 quorum', async (_, of) => {
    const answered = async (following: Set<ServerId>): Promise<boolean> => {
      const { leader, time } = rig({ quorums: '2,4', members, following, ...(of && { lease: of }) });
      leader.start([]);
      await time.run(10);
      const read = watch(leader.readIndex());
      await time.run(100);
      return read.state === 'resolved';
    };
    expect(await answered(new Set([1, 2]))).toBe(false);
    expect(await answered(new Set([1, 2, 3]))).toBe(true);
  });

  test('asks again when the lease would be over on a clock that is fast', async () => {
    const { leader, time, told } = rig({ lease });
    // Without a start there are no heartbeats but those of the reads.
    await time.settled(leader.readIndex(), 100);
    const asked = told.length;
    await time.run(800);
    await time.settled(leader.readIndex(), 100);
    expect(told).toHaveLength(asked);
    await time.run(50);
    await time.settled(leader.readIndex(), 100);
    expect(told.length).toBeGreaterThan(asked);
  });
});
