import { expect, test } from '@jest/globals';
import { parseQuorums } from '../../../src/core/quorum';
import { DEFAULT_OPTIONS } from '../../../src/protocols/multi-paxos/options';
import { MultiPaxosReplica, multiPaxos } from '../../../src/protocols/multi-paxos/replica';
import { Cluster } from '../../support/cluster';
import { usualSettings } from '../../support/settings';

test.each([1, 120])(
  'a server that hears one peer at %i ms, which does not lead, catches up whatever the quorums',
  async (wayMs) => {
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
      if (from !== lonely && to !== lonely) return 'deliver';
      return other === peer ? { delaysMs: [wayMs] } : 'drop';
    };
    const write = cluster.submit(leader, 'x');
    const hasIt = (): boolean => cluster.log(lonely).includes('x');
    expect(await time.runUntil(hasIt, 20_000)).toBe(true);
    expect(write.outcome?.kind).toBe('done');
    expect(network.dropped).toBeGreaterThan(0);
  },
);

test('after a restart of all, who was behind gets what it missed as entries: the others have their log still', async () => {
  const cluster = new Cluster(
    (environment, machine) =>
      new MultiPaxosReplica(environment, machine, usualSettings(environment), {
        ...DEFAULT_OPTIONS,
        checkpointSlots: 10,
      }),
    3,
    1,
  );
  const { time, network, members } = cluster.world;
  const leaderOf = (server: number): number | null => cluster.replica(server).inspect().leader ?? null;
  cluster.startAll();
  expect(await time.runUntil(() => leaderOf(0) !== null, 10_000)).toBe(true);
  const leader = leaderOf(0)!;
  const behind = (leader + 1) % 3;
  network.rule = ({ from, to }) => (from === behind || to === behind ? 'drop' : 'deliver');
  for (let n = 0; n < 25; n++) {
    const write = cluster.submit(leader, `w${n}`);
    expect(await time.runUntil(() => write.outcome?.kind === 'done', 5000)).toBe(true);
  }
  await time.run(200);
  for (const member of members) cluster.crash(member);
  const asked: string[] = [];
  network.rule = ({ method, kind }) => {
    if (kind === 'request') asked.push(method);
    return 'deliver';
  };
  cluster.startAll();
  expect(await time.runUntil(() => cluster.log(behind).length === 25, 20_000)).toBe(true);
  expect(cluster.log(behind)).toEqual(cluster.log(leader));
  expect(asked).toContain('learner.chosen');
  expect(asked).not.toContain('learner.snapshot');
});
