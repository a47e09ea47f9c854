import { describe } from '@jest/globals';
import type { Message } from '../../../../src/simulation/network';
import { A, B, Bench, C, P1, P2, holding, reach, valueOf } from '../bench';
import { exhibit, play, type Schedule } from './play';

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

const { edits, name } = exhibit('P-23');
const afterARestart = { id: 'P-23', name: `${name}, after a restart`, edits };

describe('which ballots get a vote', () => {
  play(exhibit('P-10'), equalRounds, /promise broken/);
  play(exhibit('P-10b'), tenthRound, /no progress/);
  play(exhibit('P-8'), lateAcceptAfterAVote, /promise broken/);
  play(exhibit('P-23'), lateAcceptAfterAPromise(false), /promise broken/);
  play(afterARestart, lateAcceptAfterAPromise(true), /promise broken/);
});
