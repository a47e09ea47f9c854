import { describe } from '@jest/globals';
import { HEALTHY, type Rule } from '../../../../src/simulation/network';
import { exhibit, play, type Schedule } from './play';
import { QUIET_MS, only, startReplicas } from './replicas';

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
  play(exhibit('P-13'), firstAnnouncement('hold'), /logs differ: position 0: server 2 applies y/);
  play(exhibit('P-14'), firstAnnouncement('drop'), /logs differ: position 0: server 2 applies y/);
  play(exhibit('P-16'), oneVoteAtA, /learned but not chosen/);
  play(exhibit('P-18'), readElsewhere, /stale read/);
  play(exhibit('P-18b'), readElsewhere, /stale read/);
});
