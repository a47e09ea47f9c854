import { describe } from '@jest/globals';
import { A, B, Bench, C, P1, P2, valueOf } from '../bench';
import { exhibit, play, type Schedule } from './play';

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
  play(exhibit('P-1'), chosenThenPreparedElsewhere, /two values chosen/);
  play(exhibit('P-2'), twoReportedProposals, /two values chosen/);
  play(exhibit('P-2b'), twoReportedProposals, /two values chosen/);
  play(exhibit('P-15'), noopIntoAChosenSlot, /two values chosen/);
  play(exhibit('P-17'), votesForOneValueUnderTwoBallots, /learned but not chosen: .*value v/);
  play(exhibit('P-24'), twoSlots, /two values chosen/);
});
