import { describe } from '@jest/globals';
import { HEALTHY } from '../../../../src/simulation/network';
import { exhibit, play, type Schedule } from './play';
import { QUIET_MS, only, startReplicas } from './replicas';

const [A, B, C] = [0, 1, 2];

/** C finds the vote for v1, has it chosen, and then has to see to its own client's v2. */
const loser: Schedule = async (code) => {
  const cluster = await startReplicas(code);
  cluster.world.network.rule = only({ prepare: [B] });
  const first = cluster.submit(A, 'v1', 50);
  await cluster.outcomeOf(first);
  await cluster.world.time.run(QUIET_MS);
  cluster.world.network.rule = only({ prepare: [A], accept: [A], learn: [A] });
  const second = cluster.submit(C, 'v2');
  const outcome = await cluster.outcomeOf(second);
  if (outcome.kind !== 'done') cluster.world.observer.fail('loser gave up', outcome.kind);
  cluster.checkOutcomes();
};

/** W and X of A are in slots 1 and 2, all messages for slot 1 are lost; Y comes later, to a server that knows neither. */
const chosenAboveAHole: Schedule = async (code) => {
  const cluster = await startReplicas(code);
  const { network, time } = cluster.world;
  const toB = only({ prepare: [B], accept: [B] });
  network.rule = (message) => (message.params.slot === 1 ? 'drop' : toB(message));
  cluster.submit(A, 'W', 1000);
  const x = cluster.submit(A, 'X');
  await time.run(QUIET_MS);
  network.rule = only({ prepare: [B], accept: [B], learn: [A, B] });
  await cluster.outcomeOf(cluster.submit(C, 'Y'));
  network.rule = HEALTHY;
  await cluster.outcomeOf(x);
  await time.run(1000);
  cluster.checkOutcomes();
};

/** A's v1 is chosen by the votes of A and B, and B and C have gone on and forgotten its slot before A hears of them. */
const forgotten: Schedule = async (code) => {
  const log = { slots: 1, characters: 1_000_000 };
  const cluster = await startReplicas(code, { log, resendMs: 500 });
  const { network, time } = cluster.world;
  network.rule = ({ from, to, kind, method }) => {
    if (from === B && to === A) return kind === 'reply' && method === 'acceptor.prepare' ? 'deliver' : 'drop';
    return from === A && to === B ? 'deliver' : 'drop';
  };
  const first = cluster.submit(A, 'v1', 10_000);
  await time.run(QUIET_MS);
  network.rule = ({ from, to }) => (from === A || to === A ? 'drop' : 'deliver');
  for (const value of ['v2', 'v3', 'v4']) await cluster.outcomeOf(cluster.submit(C, value));
  network.rule = HEALTHY;
  await cluster.outcomeOf(first);
  await time.run(1000);
  cluster.checkOutcomes();
};

/** Writes of clients with sessions are carried out once all the same. */
const proposedAgain = {
  id: 'held here',
  name: 'a value that was voted for is proposed again once its slot is forgotten',
  edits: [
    {
      file: 'protocols/paxos/replica.ts',
      find: 'if (outcome.voted) throw',
      replace: "if (outcome.voted && outcome.kind === 'gave-up') throw",
    },
  ],
};

/**
 * Half of P-11, and no exhibit: the client is told that the outcome is unknown, which is true and no violation.
 * Only a schedule in which nothing keeps v2 from the next slot can ask for more.
 */
const loserGivesUp = {
  id: 'P-11',
  name: 'the loser does not try the next slot',
  edits: exhibit('P-11').edits.slice(0, 1),
};

describe('what a client is told', () => {
  play(exhibit('P-11'), loser, /answered but lost: v2/);
  play(loserGivesUp, loser, /loser gave up/);
  play(proposedAgain, forgotten, /applied twice: v1/);
  play(exhibit('P-12'), loser, /failed but took effect: v1/);
  play(exhibit('P-21'), chosenAboveAHole, /real-time order broken: Y is before X/);
});
