import { expect, test } from '@jest/globals';
import { parseQuorums } from '../../../src/core/quorum';
import { multiPaxos } from '../../../src/protocols/multi-paxos/replica';
import { Cluster } from '../../support/cluster';
import { usualSettings } from '../../support/settings';

test('a server that hears one peer, which does not lead, catches up whatever the quorums', async () => {
  const cluster = new Cluster(
    (environment, machine) =>
      multiPaxos.create(environment, machine, {
        ...usualSettings(environment),
        quorums: parseQuorums('4,2', environment.members),
      }),
    5,
    1,
    '4,2',
  );
  const { time, network } = cluster.world;
  cluster.startAll();
  const elected = (): number | null => cluster.replica(0).inspect().leader ?? null;
  expect(await time.runUntil(() => elected() !== null, 10_000)).toBe(true);
  const leader = elected()!;
  const [peer, lonely] = cluster.world.members.filter((member) => member !== leader) as [number, number];
  network.rule = ({ from, to }) => {
    const other = from === lonely ? to : from;
    return (from === lonely || to === lonely) && other !== peer ? 'drop' : 'deliver';
  };
  const write = cluster.submit(leader, 'x');
  const hasIt = (): boolean => cluster.log(lonely).includes('x');
  expect(await time.runUntil(hasIt, 20_000)).toBe(true);
  expect(write.outcome?.kind).toBe('done');
  expect(network.dropped).toBeGreaterThan(0);
});
