import { describe } from '@jest/globals';
import { A, B, Bench, C, P1, P2, holding, reach, valueOf } from '../bench';
import { exhibit, play, type Schedule } from './play';

function acceptorForgetsPromise(isDiskStalled: boolean): Schedule {
  return async (code) => {
    const bench = new Bench(code);
    const holdAccepts = ({ method, kind }: { method: string; kind: string }): boolean =>
      method === 'acceptor.accept' && kind === 'request';
    await bench.propose(P1, 1, valueOf('v1'), holding(holdAccepts, reach({ prepare: [A, B] })));
    if (isDiskStalled) bench.host(B).disk.stall();
    await bench.propose(P2, 1, valueOf('v2'), holding(holdAccepts, reach({ prepare: [B, C] })));
    bench.restart(B);
    bench.world.network.rule = reach({});
    await bench.release(({ from, to }) => from === P1 && to !== C);
    // Nothing is there to release when the stalled disk kept P2 from its quorum.
    bench.world.network.release(({ from, to }) => from === P2 && to !== A);
    await bench.settle();
  };
}

function acceptorForgetsVote(isDiskStalled: boolean): Schedule {
  return async (code) => {
    const bench = new Bench(code);
    // The promise is there after about a millisecond, the request for the vote after two more.
    if (isDiskStalled) bench.world.time.after(2.5, () => bench.host(B).disk.stall());
    await bench.propose(P1, 1, valueOf('v1'), { prepare: [A, B], accept: [A, B] });
    bench.restart(B);
    await bench.propose(P2, 1, valueOf('v2'), { prepare: [B, C], accept: [B, C] });
  };
}

/** Its first ballot gets a vote at A; what it proposes after the restart may not come under the same ballot. */
function proposerForgetsBallot(isDiskStalled: boolean): Schedule {
  return async (code) => {
    const bench = new Bench(code);
    if (isDiskStalled) bench.host(P1).disk.stall();
    await bench.propose(P1, 1, valueOf('v1'), { prepare: [A, B], accept: [A] }, 20);
    bench.restart(P1);
    await bench.propose(P1, 1, valueOf('v2'), { prepare: [B, C], accept: [B, C] });
    await bench.propose(P2, 1, valueOf('v3'), { prepare: [A, B], accept: [A, B] });
  };
}

describe('what a restart must remember', () => {
  play(exhibit('P-3'), acceptorForgetsPromise(false), /promise broken/);
  play(exhibit('P-3b'), acceptorForgetsPromise(true), /promise broken/);
  play(exhibit('P-3c'), acceptorForgetsPromise(false), /promise broken/);
  play(exhibit('P-4'), acceptorForgetsVote(false), /two values chosen/);
  play(exhibit('P-4b'), acceptorForgetsVote(true), /two values chosen/);
  play(exhibit('P-4c'), acceptorForgetsVote(false), /two values chosen/);
  play(exhibit('P-9'), proposerForgetsBallot(false), /ballot used twice/);
  play(exhibit('P-9b'), proposerForgetsBallot(true), /ballot used twice/);
});
