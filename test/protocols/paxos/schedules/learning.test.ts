import { describe } from '@jest/globals';
import { HEALTHY, type Rule } from '../../../../src/simulation/network';
import { play, type Schedule } from './play';
import { QUIET_MS, only, startReplicas } from './replicas';

const REPLICA = 'protocols/paxos/replica.ts';
const LEARNER = 'protocols/paxos/learner.ts';
const [A, B, C] = [0, 1, 2];

/** C hears that slot 2 is chosen, but of slot 1 too late or never. */
function firstAnnouncement(fate: 'hold' | 'drop'): Schedule {
  return async (code) => {
    const cluster = await startReplicas(code);
    const { network, time } = cluster.world;
    const rule: Rule = ({ method, to, params }) =>
      method === 'learner.learn' && to === C && params.slot === 1 ? fate : 'deliver';
    network.rule = rule;
    await cluster.outcomeOf(cluster.submit(A, 'x'));
    await cluster.outcomeOf(cluster.submit(A, 'y'));
    await time.run(10);
    network.release();
    await time.run(1000);
    if (cluster.log(C).length !== 2) cluster.world.observer.fail('gap not filled', cluster.log(C).join());
    cluster.checkOutcomes();
  };
}

const oneVoteAtA: Schedule = async (code) => {
  const cluster = await startReplicas(code);
  cluster.world.network.rule = only({ prepare: [B] });
  await cluster.outcomeOf(cluster.submit(A, 'v1', 50));
  await cluster.world.time.run(QUIET_MS);
  cluster.world.network.rule = only({ prepare: [B], accept: [B] });
  await cluster.outcomeOf(cluster.submit(C, 'v2'));
  cluster.world.network.rule = HEALTHY;
  await cluster.outcomeOf(cluster.submit(B, 'v3'));
  await cluster.world.time.run(1000);
  cluster.checkOutcomes();
};

const readElsewhere: Schedule = async (code) => {
  const cluster = await startReplicas(code);
  cluster.world.network.rule = only({ prepare: [B], accept: [B] });
  await cluster.outcomeOf(cluster.submit(A, 'x'));
  cluster.world.network.rule = HEALTHY;
  const seen = await cluster.read(C);
  if (!seen.includes('x')) cluster.world.observer.fail('stale read', 'x was answered before');
  cluster.world.observer.check();
};

describe('what a learner believes and applies', () => {
  play('P-13', firstAnnouncement('hold'), {
    name: 'values are applied as they arrive',
    edits: [
      {
        file: LEARNER,
        find: 'this.#log.add(slot, value);',
        replace: `this.#log.add(slot, value);
      (this.results ??= new Map()).set(slot, this.#machine.apply(value.command, slot));`,
      },
      {
        file: LEARNER,
        find: 'this.#machine.apply(value.command as Command, slot)',
        replace: 'this.results.get(slot)',
      },
    ],
    violation: /logs differ: position 0: server 2 applies y/,
  });
  play('P-14', firstAnnouncement('drop'), {
    name: 'a hole is skipped',
    edits: [
      {
        file: LEARNER,
        find: '#apply(): void {',
        replace:
          '#apply(): void {\n    if (this.#log.highest > this.#applied && !this.#log.get(this.#applied + 1)) this.#applied++;',
      },
    ],
    violation: /logs differ: position 0: server 2 applies y/,
  });
  play('P-16', oneVoteAtA, {
    name: "one acceptor's vote is taken for a choice",
    edits: [
      {
        file: REPLICA,
        find: 'return acceptor.accept(request);',
        replace: 'void this.#learner.learn(request);\n        return acceptor.accept(request);',
      },
    ],
    violation: /learned but not chosen/,
  });
  play(
    'P-18',
    readElsewhere,
    {
      name: 'a read of the local state is sold as linearizable',
      edits: [{ file: REPLICA, find: 'await this.#appliedUpTo(highest, deadline);', replace: '' }],
      violation: /stale read/,
    },
    {
      name: 'a read asks the own acceptor only',
      edits: [
        {
          file: REPLICA,
          find: 'this.#quorums.isPhase1Quorum(new Set(replies.keys()))\n          ? Math.max',
          replace: 'replies.size > 0\n          ? Math.max',
        },
      ],
      violation: /stale read/,
    },
  );
});
