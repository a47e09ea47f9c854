import { expect, test } from '@jest/globals';
import { parseQuorums } from '../../../src/core/quorum';
import { DEFAULT_OPTIONS } from '../../../src/protocols/paxos/options';
import { PaxosReplica } from '../../../src/protocols/paxos/replica';
import { Cluster } from '../../support/cluster';

const COMMANDS = 20;

/** The accept requests that cross the network for 20 writes at server 0 of five, of which some are down, and the longest write. */
async function write(
  quorums: string,
  thrifty: boolean,
  down: readonly number[] = [],
): Promise<{ requests: number; longestMs: number }> {
  const cluster = new Cluster(
    (environment, machine) =>
      new PaxosReplica(
        environment,
        machine,
        { quorums: parseQuorums(quorums, environment.members), thrifty },
        { ...DEFAULT_OPTIONS, gossipMs: 1e9 },
      ),
    5,
    1,
    quorums,
  );
  const { network, time } = cluster.world;
  cluster.startAll();
  await time.run(20);
  for (const server of down) cluster.crash(server);
  if (down.length > 0) {
    await cluster.outcomeOf(cluster.submit(0, 'first'));
    await time.run(2 * DEFAULT_OPTIONS.callTimeoutMs);
  }
  let requests = 0;
  network.rule = ({ kind, method }) => {
    if (kind === 'request' && method === 'acceptor.accept') requests++;
    return 'deliver';
  };
  let longestMs = 0;
  for (let i = 0; i < COMMANDS; i++) {
    const begin = time.now;
    const outcome = await cluster.outcomeOf(cluster.submit(0, `command ${i}`));
    expect(outcome.kind).toBe('done');
    longestMs = Math.max(longestMs, time.now - begin);
  }
  await time.run(1000);
  for (const server of cluster.upServers) expect(cluster.log(server)).toHaveLength(cluster.operations.length);
  return { requests, longestMs };
}

test.each([
  ['majority', 4, 2],
  ['4,2', 4, 1],
  ['grid:5x1', 4, 4],
  ['grid:1x5', 4, 0],
])(
  '%s: %i accept requests for each write, and %i when thrifty; all servers learn',
  async (quorums, all, few) => {
    expect((await write(quorums, false)).requests).toBe(all * COMMANDS);
    expect((await write(quorums, true)).requests).toBe(few * COMMANDS);
  },
);

test.each(['3,3', '2,4'])(
  '%s: a thrifty server prefers those that promised, and avoids those that do not answer',
  async (quorums) => {
    const down = quorums === '3,3' ? [1, 2] : [1];
    const { requests, longestMs } = await write(quorums, true, down);
    expect(requests).toBe((4 - down.length) * COMMANDS);
    expect(longestMs).toBeLessThan(DEFAULT_OPTIONS.resendMs);
  },
);

test('it asks all when one of its choice is silent', async () => {
  const cluster = new Cluster(
    (environment, machine) =>
      new PaxosReplica(
        environment,
        machine,
        { quorums: parseQuorums('2,4', environment.members), thrifty: true },
        DEFAULT_OPTIONS,
      ),
    5,
    1,
    '2,4',
  );
  cluster.startAll();
  await cluster.world.time.run(20);
  cluster.crash(1);
  const begin = cluster.world.time.now;
  expect((await cluster.outcomeOf(cluster.submit(0, 'command'))).kind).toBe('done');
  const tookMs = cluster.world.time.now - begin;
  expect(tookMs).toBeGreaterThanOrEqual(DEFAULT_OPTIONS.resendMs);
  expect(tookMs).toBeLessThan(1.5 * DEFAULT_OPTIONS.resendMs);
});
