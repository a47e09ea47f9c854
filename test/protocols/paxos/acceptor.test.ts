import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NO_BALLOT, compareBallots, type Ballot } from '../../../src/core/ballot';
import { Acceptor, NO_VOTES, promise, vote, type Votes } from '../../../src/protocols/paxos/acceptor';
import type { AcceptReply, PrepareReply } from '../../../src/protocols/paxos/messages';
import { valueOfHighestBallot } from '../../../src/protocols/paxos/proposer';
import { Host } from '../../../src/simulation/host';
import { virtualWorld, type World } from '../../../src/simulation/world';

const BALLOTS: Ballot[] = [1, 2, 3].flatMap((round) => [0, 1, 2].map((server) => ({ round, server })));

function valueFor(ballot: Ballot): { id: string; command: string } {
  return { id: `${ballot.round}.${ballot.server}`, command: 'x' };
}

/** Every state that an acceptor can be in with these ballots. */
function allVotes(): Votes[] {
  const states: Votes[] = [NO_VOTES];
  for (const promised of BALLOTS) {
    states.push({ promised, accepted: null });
    for (const ballot of BALLOTS)
      if (compareBallots(ballot, promised) <= 0)
        states.push({ promised, accepted: { ballot, value: valueFor(ballot) } });
  }
  return states;
}

describe('what an acceptor decides', () => {
  test('it promises any ballot that is not below its promise, and keeps its vote', () => {
    for (const votes of allVotes())
      for (const ballot of BALLOTS)
        expect(promise(votes, ballot)).toEqual(
          compareBallots(ballot, votes.promised) < 0
            ? undefined
            : { promised: ballot, accepted: votes.accepted },
        );
  });

  test('it votes for any ballot that is not below its promise, and promises with its vote', () => {
    for (const votes of allVotes())
      for (const ballot of BALLOTS) {
        const proposal = { ballot, value: valueFor(ballot) };
        expect(vote(votes, proposal)).toEqual(
          compareBallots(ballot, votes.promised) < 0 ? undefined : { promised: ballot, accepted: proposal },
        );
      }
  });

  test('no step goes back', () => {
    for (const votes of allVotes())
      for (const ballot of BALLOTS)
        for (const after of [promise(votes, ballot), vote(votes, { ballot, value: valueFor(ballot) })]) {
          if (after === undefined) continue;
          expect(compareBallots(after.promised, votes.promised)).toBeGreaterThanOrEqual(0);
          expect(
            compareBallots(after.accepted?.ballot ?? NO_BALLOT, votes.accepted?.ballot ?? NO_BALLOT),
          ).toBeGreaterThanOrEqual(0);
          expect(compareBallots(after.accepted?.ballot ?? NO_BALLOT, after.promised)).toBeLessThanOrEqual(0);
        }
  });
});

describe('the value to propose', () => {
  const ballots = fc.uniqueArray(
    fc.record({ round: fc.integer({ min: 1, max: 12 }), server: fc.integer({ min: 0, max: 4 }) }),
    { selector: ({ round, server }) => `${round}.${server}` },
  );

  test('is that of the highest ballot reported, in whatever order', () => {
    fc.assert(
      fc.property(ballots, fc.nat({ max: 4 }), (reported, silent) => {
        const proposals = reported.map((ballot) => ({ ballot, value: valueFor(ballot) }));
        const highest = [...reported].sort(compareBallots).at(-1);
        expect(valueOfHighestBallot([...proposals, ...Array<null>(silent).fill(null)])).toEqual(
          highest === undefined ? undefined : valueFor(highest),
        );
      }),
    );
  });
});

interface Rig {
  readonly world: World;
  readonly host: Host;
  acceptor: Acceptor;
  restart(): void;
}

function rig(): Rig {
  const world = virtualWorld([0, 1, 2], 1);
  const host = new Host(world, 0);
  const boot = (): Acceptor => {
    const environment = host.boot();
    const acceptor = new Acceptor(environment);
    for (const [key, value] of environment.storage.read()) acceptor.recover(key, value);
    return acceptor;
  };
  const parts: Rig = {
    world,
    host,
    acceptor: boot(),
    restart: () => {
      host.crash();
      parts.acceptor = boot();
    },
  };
  return parts;
}

async function ask<Reply>({ world }: Rig, call: Promise<Reply>): Promise<Reply> {
  return world.time.settled(call, 1000);
}

const [LOW, MIDDLE, HIGH] = [
  { round: 1, server: 2 },
  { round: 2, server: 0 },
  { round: 10, server: 1 },
];

describe('an acceptor', () => {
  test('answers a repeated request again, and the same', async () => {
    const parts = rig();
    const { acceptor } = parts;
    const promised: PrepareReply = { kind: 'promised', ballot: MIDDLE, accepted: null };
    const accepted: AcceptReply = { kind: 'accepted', ballot: MIDDLE };
    const request = { slot: 1, ballot: MIDDLE, value: valueFor(MIDDLE) };
    expect(await ask(parts, acceptor.prepare({ slot: 1, ballot: MIDDLE }))).toEqual(promised);
    expect(await ask(parts, acceptor.prepare({ slot: 1, ballot: MIDDLE }))).toEqual(promised);
    expect(await ask(parts, acceptor.accept(request))).toEqual(accepted);
    expect(await ask(parts, acceptor.accept(request))).toEqual(accepted);
  });

  test('names the higher ballot when it refuses', async () => {
    const parts = rig();
    const { acceptor } = parts;
    await ask(parts, acceptor.prepare({ slot: 1, ballot: HIGH }));
    const rejected = { kind: 'rejected', promised: HIGH };
    expect(await ask(parts, acceptor.prepare({ slot: 1, ballot: MIDDLE }))).toEqual(rejected);
    expect(await ask(parts, acceptor.accept({ slot: 1, ballot: LOW, value: valueFor(LOW) }))).toEqual(
      rejected,
    );
  });

  test('keeps its slots apart', async () => {
    const parts = rig();
    const { acceptor } = parts;
    await ask(parts, acceptor.accept({ slot: 2, ballot: HIGH, value: valueFor(HIGH) }));
    expect(await ask(parts, acceptor.prepare({ slot: 1, ballot: LOW }))).toMatchObject({
      kind: 'promised',
      accepted: null,
    });
    expect(await ask(parts, acceptor.highestAccepted())).toEqual({ slot: 2 });
  });

  test('says nothing before it is durable, to a repeated request neither', async () => {
    const parts = rig();
    const resume = parts.host.disk.stall();
    const replies: string[] = [];
    for (let i = 0; i < 2; i++) {
      void parts.acceptor.prepare({ slot: 1, ballot: LOW }).then(({ kind }) => replies.push(kind));
      void parts.acceptor
        .accept({ slot: 1, ballot: MIDDLE, value: valueFor(MIDDLE) })
        .then(({ kind }) => replies.push(kind));
    }
    await parts.world.time.run(100);
    // The second prepare comes after the vote for a higher ballot. A refusal promises nothing, so it need not wait.
    expect(replies).toEqual(['rejected']);
    resume();
    await parts.world.time.run(100);
    expect(replies).toEqual(['rejected', 'promised', 'accepted', 'accepted']);
  });

  test('reports in a promise the vote for a slot that it forgets while the promise is written', async () => {
    const parts = rig();
    const { acceptor } = parts;
    await ask(parts, acceptor.accept({ slot: 1, ballot: LOW, value: valueFor(LOW) }));
    const resume = parts.host.disk.stall();
    const reply = acceptor.prepare({ slot: 1, ballot: HIGH });
    acceptor.truncate(2);
    resume();
    // Told of no vote, the proposer could get a value of its own chosen by those that keep the slot.
    expect(await ask(parts, reply)).toEqual({
      kind: 'promised',
      ballot: HIGH,
      accepted: { ballot: LOW, value: valueFor(LOW) },
    });
  });

  test('stops the server when one ballot comes with two values', async () => {
    const parts = rig();
    await ask(parts, parts.acceptor.accept({ slot: 1, ballot: LOW, value: valueFor(LOW) }));
    const second = parts.acceptor.accept({ slot: 1, ballot: LOW, value: valueFor(HIGH) });
    await expect(second).rejects.toThrow('a ballot proposes one value in a slot');
  });

  test('remembers promise and vote over a restart, whichever is higher', async () => {
    const parts = rig();
    await ask(parts, parts.acceptor.prepare({ slot: 1, ballot: LOW }));
    await ask(parts, parts.acceptor.accept({ slot: 1, ballot: MIDDLE, value: valueFor(MIDDLE) }));
    parts.restart();
    expect(await ask(parts, parts.acceptor.prepare({ slot: 1, ballot: LOW }))).toEqual({
      kind: 'rejected',
      promised: MIDDLE,
    });
    await ask(parts, parts.acceptor.prepare({ slot: 1, ballot: HIGH }));
    parts.restart();
    expect(parts.acceptor.highestPromised).toEqual(HIGH);
    expect(parts.acceptor.highestAcceptedSlot).toBe(1);
    expect(await ask(parts, parts.acceptor.prepare({ slot: 1, ballot: HIGH }))).toEqual({
      kind: 'promised',
      ballot: HIGH,
      accepted: { ballot: MIDDLE, value: valueFor(MIDDLE) },
    });
  });

  test('says that it no longer keeps a slot, and counts it as accepted', async () => {
    const parts = rig();
    const { acceptor } = parts;
    for (const slot of [1, 2, 4])
      await ask(parts, acceptor.accept({ slot, ballot: LOW, value: valueFor(LOW) }));
    const keys = acceptor.truncate(3).map(({ key }) => key);
    expect(keys.filter((key) => key.startsWith('acceptor/accepted/'))).toHaveLength(2);
    const truncated = { kind: 'truncated', floor: 3 };
    expect(await ask(parts, acceptor.prepare({ slot: 2, ballot: HIGH }))).toEqual(truncated);
    expect(await ask(parts, acceptor.accept({ slot: 1, ballot: HIGH, value: valueFor(HIGH) }))).toEqual(
      truncated,
    );
    expect(await ask(parts, acceptor.prepare({ slot: 3, ballot: LOW }))).toMatchObject({ kind: 'promised' });
    expect(await ask(parts, acceptor.highestAccepted())).toEqual({ slot: 4 });
    acceptor.truncate(10);
    expect(await ask(parts, acceptor.highestAccepted())).toEqual({ slot: 9 });
    acceptor.truncate(5);
    expect(await ask(parts, acceptor.prepare({ slot: 9, ballot: HIGH }))).toEqual({
      kind: 'truncated',
      floor: 10,
    });
  });

  test('any history with crashes anywhere: no promise or vote goes back', async () => {
    const steps = fc.array(
      fc.record({
        kind: fc.constantFrom('prepare', 'accept', 'crash', 'wait'),
        slot: fc.integer({ min: 1, max: 2 }),
        ballot: fc.constantFrom(...BALLOTS),
      }),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(steps, fc.nat({ max: 3 }), async (history, kept) => {
        const parts = rig();
        for (const { kind, slot, ballot } of history) {
          if (kind === 'prepare') void parts.acceptor.prepare({ slot, ballot });
          else if (kind === 'accept') void parts.acceptor.accept({ slot, ballot, value: valueFor(ballot) });
          else if (kind === 'wait') await parts.world.time.run(1);
          else {
            parts.host.crash(kept);
            parts.restart();
          }
        }
        // The observer follows every promise and vote, and throws.
        await parts.world.time.run(10);
      }),
      { numRuns: 200 },
    );
  });
});
