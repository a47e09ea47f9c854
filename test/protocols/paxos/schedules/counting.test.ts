import { describe } from '@jest/globals';
import { A, B, Bench, C, D, P1, P2, holding, reach, valueOf } from '../bench';
import { exhibit, play, type Schedule } from './play';

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
  play(exhibit('P-5'), oneServerAnswersTwice, /learned but not chosen: .*value v1/);
  play(exhibit('P-6'), latePromise, /two values chosen/);
  play(exhibit('P-7'), lateVote, /learned but not chosen: .*value v2/);
  play(exhibit('P-20'), twoHalves, /learned but not chosen/);
  play(exhibit('P-22'), oneVote, /learned but not chosen: .*value v1/);
});
