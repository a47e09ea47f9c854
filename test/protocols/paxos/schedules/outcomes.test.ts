import { describe } from '@jest/globals';
import { HEALTHY } from '../../../../src/simulation/network';
import { play, type Schedule } from './play';
import { QUIET_MS, only, startReplicas } from './replicas';

const REPLICA = 'protocols/paxos/replica.ts';
const [A, B, C] = [0, 1, 2];

const TAKE_ANY_VALUE = {
  file: REPLICA,
  find: 'if (outcome.value.id === value.id) return slot;\n        continue;',
  replace: 'return slot;',
};
const ANSWER_WHEN_CHOSEN = {
  file: REPLICA,
  find: 'await this.#learner.until(() => this.#learner.applied >= slot, Math.max(0, deadline - clock.now()));',
  replace: 'return 0;',
};

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

describe('what a client is told', () => {
  play(
    'P-11',
    loser,
    {
      name: 'the loser of a slot reports success',
      edits: [TAKE_ANY_VALUE, ANSWER_WHEN_CHOSEN],
      violation: /answered but lost: v2/,
    },
    {
      name: 'the loser of a slot does not try the next one',
      edits: [TAKE_ANY_VALUE],
      violation: /loser gave up/,
    },
  );
  play('P-12', loser, {
    name: 'a write that may be chosen yet is reported as failed',
    edits: [
      {
        file: 'protocols/paxos/proposer.ts',
        find: 'if (proposal.id === value.id) voted = true;',
        replace: '',
      },
    ],
    violation: /failed but took effect: v1/,
  });
  play('P-21', chosenAboveAHole, {
    name: 'a write is answered when it is chosen, not when it is applied',
    edits: [ANSWER_WHEN_CHOSEN],
    violation: /real-time order broken: Y is before X/,
  });
});
