import { describe } from '@jest/globals';
import { A, B, Bench, C, D, P1, P2, holding, reach, valueOf } from '../bench';
import { play, type Schedule } from './play';

const PROPOSER = 'protocols/paxos/proposer.ts';

/** Only A is within reach of P1, which asks it several times and gets an answer to each. */
const oneServerAnswersTwice: Schedule = async (code) => {
  const bench = new Bench(code, { options: { resendMs: 10 } });
  const { network, time } = bench.world;
  const answersWait = holding(({ kind }) => kind === 'reply', reach({ prepare: [A], accept: [A] }));
  await bench.propose(P1, 1, valueOf('v1'), answersWait, 100_000);
  await time.run(500);
  network.release();
  // The pauses between resends have adapted to the slow answers.
  await time.run(50_000);
  network.release();
  await time.run(50_000);
  await bench.propose(P2, 1, valueOf('v2'), { prepare: [B, C], accept: [B, C] });
};

const latePromise: Schedule = async (code) => {
  const bench = new Bench(code);
  const promiseOfCWaits = holding(({ from }) => from === C, reach({ prepare: [A, C] }));
  await bench.propose(P1, 1, valueOf('v1'), promiseOfCWaits, 20);
  await bench.propose(P2, 1, valueOf('v2'), { prepare: [B, C], accept: [B, C] });
  await bench.release(({ from }) => from === C);
  await bench.propose(P1, 1, valueOf('v1'), { prepare: [A], accept: [A, B] });
};

const lateVote: Schedule = async (code) => {
  const bench = new Bench(code);
  const voteOfAWaits = holding(
    ({ from, method }) => from === A && method === 'acceptor.accept',
    reach({ prepare: [A, C], accept: [A] }),
  );
  await bench.propose(P1, 1, valueOf('v1'), voteOfAWaits, 20);
  await bench.propose(P2, 1, valueOf('v2'), { prepare: [B, C], accept: [B] }, 20);
  await bench.release(({ from }) => from === A);
  await bench.propose(P1, 1, valueOf('v3'), { prepare: [B, C], accept: [B] }, 20);
  await bench.propose(P2, 1, valueOf('v4'), { prepare: [A, C], accept: [A, C] });
};

const twoHalves: Schedule = async (code) => {
  const bench = new Bench(code, { acceptors: 4 });
  await bench.propose(P1, 1, valueOf('v1'), { prepare: [A, B], accept: [A, B] });
  await bench.propose(P2, 1, valueOf('v2'), { prepare: [C, D], accept: [C, D] });
};

const oneVote: Schedule = async (code) => {
  const bench = new Bench(code);
  await bench.propose(P1, 1, valueOf('v1'), { prepare: [A, B], accept: [A] }, 20);
  await bench.propose(P2, 1, valueOf('v2'), { prepare: [B, C], accept: [B, C] });
};

describe('which votes count', () => {
  play('P-5', oneServerAnswersTwice, {
    name: 'answers are counted, not servers',
    edits: [
      {
        file: 'core/gather.ts',
        find: 'if (settled || replies.has(member)) return;\n      replies.set(member, reply);',
        replace: 'if (settled) return;\n      replies.set(replies.size, reply);',
      },
    ],
    violation: /learned but not chosen: .*value v1/,
  });
  play('P-6', latePromise, {
    name: 'a promise of an earlier round is counted',
    edits: [
      {
        file: PROPOSER,
        find: 'this.#acceptor(member).prepare(request)',
        replace: `this.#acceptor(member).prepare(request).then((reply) => {
          (this.promises ??= new Map()).set(member, reply);
          return reply;
        })`,
      },
      {
        file: PROPOSER,
        find: 'const reported: (Proposal | null)[] = [];\n        for (const [member, reply] of replies) {',
        replace: 'const reported = [];\n        for (const [member, reply] of this.promises) {',
      },
      {
        file: PROPOSER,
        find: "reply.kind !== 'promised' || compareBallots(reply.ballot, ballot) !== 0",
        replace: "reply.kind !== 'promised'",
      },
    ],
    violation: /two values chosen/,
  });
  play('P-7', lateVote, {
    name: 'a vote of an earlier round is counted',
    edits: [
      {
        file: PROPOSER,
        find: 'this.#acceptor(member).accept(request)',
        replace: `this.#acceptor(member).accept(request).then((reply) => {
          (this.votes ??= new Map()).set(member, reply);
          return reply;
        })`,
      },
      {
        file: PROPOSER,
        find: 'const voted = new Set<ServerId>();\n        for (const [member, reply] of replies) {',
        replace: 'const voted = new Set();\n        for (const [member, reply] of this.votes) {',
      },
      {
        file: PROPOSER,
        find: "reply.kind === 'accepted' && compareBallots(reply.ballot, ballot) === 0",
        replace: "reply.kind === 'accepted'",
      },
    ],
    violation: /learned but not chosen: .*value v2/,
  });
  play('P-20', twoHalves, {
    name: 'half of the servers are taken for a majority',
    edits: [
      {
        file: 'core/quorum.ts',
        find: 'Math.floor(members.length / 2) + 1',
        replace: 'Math.ceil(members.length / 2)',
      },
    ],
    violation: /learned but not chosen/,
  });
  play('P-22', oneVote, {
    name: 'the first vote is taken for a choice',
    edits: [{ file: PROPOSER, find: 'this.#quorums.isPhase2Quorum(voted)', replace: 'voted.size > 0' }],
    violation: /learned but not chosen: .*value v1/,
  });
});
