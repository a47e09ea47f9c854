import { describe } from '@jest/globals';
import type { Message } from '../../../../src/simulation/network';
import { A, B, Bench, C, P1, P2, holding, reach, valueOf } from '../bench';
import { play, type Schedule } from './play';

const ACCEPTOR = 'protocols/paxos/acceptor.ts';
const BALLOT = 'core/ballot.ts';

const isAccept = ({ kind, method }: Message): boolean => kind === 'request' && method === 'acceptor.accept';

const equalRounds: Schedule = async (code) => {
  const bench = new Bench(code);
  await bench.propose(P1, 1, valueOf('v1'), holding(isAccept, reach({ prepare: [A, B] })));
  await bench.propose(P2, 1, valueOf('v2'), holding(isAccept, reach({ prepare: [B, C] })));
  bench.world.network.rule = reach({});
  await bench.release(({ from, to }) => from === P1 && to !== C);
  await bench.release(({ from, to }) => from === P2 && to !== A);
};

/** With ballots in the order of text every set of votes is still consistent; but nobody gets past round 9. */
const tenthRound: Schedule = async (code) => {
  const bench = new Bench(code, { options: { resendMs: 2, phaseTimeoutMs: 10 } });
  for (let round = 1; round < 9; round++) await bench.propose(P1, round + 1, valueOf('unheard'), {}, 1);
  await bench.propose(P1, 1, valueOf('v1'), { prepare: [A, B, C] }, 1);
  const proposal = await bench.propose(P2, 1, valueOf('v2'), { prepare: [A, B, C], accept: [A, B, C] });
  if (proposal.outcome?.kind !== 'chosen') bench.world.observer.fail('no progress', 'slot 1');
  bench.world.observer.check();
};

const lateAcceptAfterAVote: Schedule = async (code) => {
  const bench = new Bench(code);
  await bench.propose(P1, 1, valueOf('v1'), holding(isAccept, reach({ prepare: [A, C] })));
  await bench.propose(P2, 1, valueOf('v2'), { prepare: [A, B], accept: [B, C] });
  await bench.release(({ to }) => to === C);
  await bench.propose(P2, 1, valueOf('v3'), { prepare: [A, C], accept: [A, C] });
};

function lateAcceptAfterAPromise(isRestarted: boolean): Schedule {
  return async (code) => {
    const bench = new Bench(code);
    await bench.propose(P1, 1, valueOf('v1'), holding(isAccept, reach({ prepare: [A, B] })));
    await bench.propose(P2, 1, valueOf('v2'), { prepare: [B, C], accept: [B, C] });
    if (isRestarted) bench.restart(B);
    await bench.release(({ to }) => to !== C);
  };
}

describe('which ballots get a vote', () => {
  play('P-10', equalRounds, {
    name: 'ballots are compared by round only',
    edits: [
      {
        file: BALLOT,
        find: 'a.round - b.round || a.server - b.server',
        replace: 'a.round - b.round',
      },
    ],
    violation: /promise broken/,
  });
  play('P-10', tenthRound, {
    name: 'ballots are compared as text',
    edits: [
      {
        file: BALLOT,
        find: 'return a.round - b.round || a.server - b.server',
        replace: 'return formatBallot(a) < formatBallot(b) ? -1 : Number(formatBallot(a) > formatBallot(b))',
      },
    ],
    violation: /no progress/,
  });
  play('P-8', lateAcceptAfterAVote, {
    name: 'a vote does not count as a promise',
    edits: [
      {
        file: ACCEPTOR,
        find: '{ promised: proposal.ballot, accepted: proposal };\n}',
        replace: '{ promised: votes.promised, accepted: proposal };\n}',
      },
    ],
    violation: /promise broken/,
  });
  for (const isRestarted of [false, true])
    play('P-23', lateAcceptAfterAPromise(isRestarted), {
      name: `a late accept passes in spite of a promise${isRestarted ? ', after a restart' : ''}`,
      edits: [
        {
          file: ACCEPTOR,
          find: 'if (compareBallots(proposal.ballot, votes.promised) < 0) return undefined;',
          replace: '',
        },
      ],
      violation: /promise broken/,
    });
  play('P-23', lateAcceptAfterAPromise(true), {
    name: 'a promise is stored but not read after a restart',
    edits: [
      {
        file: ACCEPTOR,
        find: 'const accepted = slotOfKey(ACCEPTED, key);\n    if (accepted === undefined) return;',
        replace: 'return;',
      },
      {
        file: ACCEPTOR,
        find: 'if (promised !== undefined)\n      this.#record',
        replace: 'if (false)\n      this.#record',
      },
    ],
    violation: /promise broken/,
  });
});
