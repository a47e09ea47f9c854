import { describe } from '@jest/globals';
import { A, B, Bench, C, P1, P2, valueOf } from '../bench';
import { play, type Schedule } from './play';

const PROPOSER = 'protocols/paxos/proposer.ts';
const ACCEPTOR = 'protocols/paxos/acceptor.ts';

const chosenThenPreparedElsewhere: Schedule = async (code) => {
  const bench = new Bench(code);
  await bench.propose(P1, 1, valueOf('v1'), { prepare: [A, B], accept: [A, B] });
  await bench.propose(P2, 1, valueOf('v2'), { prepare: [B, C], accept: [B, C] });
};

const twoReportedProposals: Schedule = async (code) => {
  const bench = new Bench(code);
  await bench.propose(P1, 1, valueOf('v1'), { prepare: [A, B], accept: [A] }, 20);
  await bench.propose(P2, 1, valueOf('v2'), { prepare: [B, C], accept: [B, C] });
  // A reports (1.11, v1), B (1.12, v2), in this order.
  await bench.propose(P1, 1, valueOf('v3'), { prepare: [A, B], accept: [A, B] });
};

const noopIntoAChosenSlot: Schedule = async (code) => {
  const bench = new Bench(code);
  await bench.propose(P1, 4, valueOf('v'), { prepare: [A, B], accept: [A, B] });
  await bench.propose(P2, 4, { id: 'noop', command: null }, { prepare: [B, C], accept: [B, C] });
};

const twoSlots: Schedule = async (code) => {
  const bench = new Bench(code);
  await bench.propose(P1, 6, valueOf('v6'), { prepare: [A, B], accept: [A, B] });
  await bench.propose(P1, 7, valueOf('v7'), { prepare: [A, B], accept: [A, B] });
  await bench.propose(P2, 6, valueOf('w6'), { prepare: [B, C], accept: [B, C] });
};

const votesForOneValueUnderTwoBallots: Schedule = async (code) => {
  const bench = new Bench(code);
  await bench.propose(P1, 1, valueOf('v'), { prepare: [A, B], accept: [A] }, 20);
  await bench.propose(P2, 1, valueOf('w'), { prepare: [B, C], accept: [C] }, 20);
  await bench.propose(P1, 1, valueOf('v'), { prepare: [A, B], accept: [B] }, 20);
  // v has the votes of A and B, but under different ballots. w has the higher one.
  await bench.propose(P2, 1, valueOf('x'), { prepare: [A, C], accept: [A, C] });
};

describe('what a proposer must adopt', () => {
  play('P-1', chosenThenPreparedElsewhere, {
    name: 'the proposer ignores what was voted for',
    edits: [{ file: PROPOSER, find: 'promises.adopted ?? value', replace: 'value' }],
    violation: /two values chosen/,
  });
  play(
    'P-2',
    twoReportedProposals,
    {
      name: 'the proposer adopts the first value reported',
      edits: [
        {
          file: PROPOSER,
          find: '(highest === null || compareBallots(proposal.ballot, highest.ballot) > 0)',
          replace: 'highest === null',
        },
      ],
      violation: /two values chosen/,
    },
    {
      name: 'the proposer adopts the value of the lowest ballot',
      edits: [
        {
          file: PROPOSER,
          find: 'compareBallots(proposal.ballot, highest.ballot) > 0',
          replace: 'compareBallots(proposal.ballot, highest.ballot) < 0',
        },
      ],
      violation: /two values chosen/,
    },
  );
  play('P-15', noopIntoAChosenSlot, {
    name: 'a hole is filled without phase 1',
    edits: [
      {
        file: PROPOSER,
        find: 'await this.#prepare(slot, ballot, attempt, deadline)',
        replace:
          "value.command === null ? { kind: 'promised' } : await this.#prepare(slot, ballot, attempt, deadline)",
      },
    ],
    violation: /two values chosen/,
  });
  play('P-17', votesForOneValueUnderTwoBallots, {
    name: 'votes for equal values are added up across ballots',
    edits: [
      {
        file: PROPOSER,
        find: 'const voted = new Set<ServerId>();',
        replace: 'const voted = ((this.voters ??= {})[value.id] ??= new Set());',
      },
    ],
    violation: /learned but not chosen: .*value v/,
  });
  play('P-24', twoSlots, {
    name: 'an acceptor reports its vote in its latest slot only',
    edits: [
      {
        file: ACCEPTOR,
        find: "kind: 'promised', ballot, accepted: after.accepted",
        replace: "kind: 'promised', ballot, accepted: slot === this.#highestAccepted ? after.accepted : null",
      },
    ],
    violation: /two values chosen/,
  });
});
