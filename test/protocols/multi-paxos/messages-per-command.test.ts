import { describe, expect, test } from '@jest/globals';
import type { ServerId } from '../../../src/core/ballot';
import type { Protocol } from '../../../src/core/replica';
import { multiPaxos } from '../../../src/protocols/multi-paxos/replica';
import { paxos } from '../../../src/protocols/paxos/replica';
import { Cluster } from '../../support/cluster';
import { usualSettings } from '../../support/settings';

/**
 * Messages between servers for one committed command, counted one by one: requests and replies, of all that the command
 * causes until everybody has applied it. Left out is what servers say to each other without any command: heartbeats
 * (they also bring the last news of an idle leader), pre-votes, and how far everybody is.
 */
const BESIDES = new Set(['acceptor.heartbeat', 'acceptor.preVote', 'learner.position']);
/** Longer than any election. */
const SETTLE_MS = 3000;

type Counts = Record<string, number>;

/** A cluster at rest, and a count of what its servers say to each other from now on. */
async function quiet(protocol: Protocol, servers: number, thrifty: boolean) {
  const cluster = new Cluster(
    (environment, machine) =>
      protocol.create(environment, machine, { ...usualSettings(environment), thrifty }),
    servers,
    1,
  );
  cluster.startAll();
  await cluster.world.time.run(SETTLE_MS);
  // The first command is another matter: nobody knows yet how long an answer takes.
  await cluster.outcomeOf(cluster.submit(0, 'first'));
  await cluster.world.time.run(SETTLE_MS);
  const counts: Counts = {};
  cluster.world.network.rule = ({ method, kind }) => {
    const name = `${method} ${kind}`;
    if (!BESIDES.has(method)) counts[name] = (counts[name] ?? 0) + 1;
    return 'deliver';
  };
  return { cluster, counts };
}

/** Counts the messages for commands that are all submitted at once, by the servers that `at` gives. */
async function messagesFor(
  protocol: Protocol,
  servers: number,
  { commands = 1, thrifty = false, atLeader = true } = {},
): Promise<Counts> {
  const { cluster, counts } = await quiet(protocol, servers, thrifty);
  const leader = cluster.replica(0).inspect().leader ?? 0;
  const server: ServerId = atLeader ? leader : (leader + 1) % servers;
  for (let i = 0; i < commands; i++) cluster.submit(server, `command ${i}`);
  expect(await cluster.settles(SETTLE_MS)).toBe(true);
  await cluster.world.time.run(SETTLE_MS);
  expect(cluster.world.observer.log).toHaveLength(commands + 1);
  cluster.checkOutcomes();
  return counts;
}

function both(method: string, count: number): Counts {
  return { [`${method} request`]: count, [`${method} reply`]: count };
}

describe.each([3, 5, 7])('messages per committed command, %i servers', (n) => {
  const others = n - 1;

  test('classic Paxos: two phases and the announcement, each to all others, and their replies', async () => {
    expect(await messagesFor(paxos, n)).toEqual({
      ...both('acceptor.prepare', others),
      ...both('acceptor.accept', others),
      ...both('learner.learn', others),
    });
  });

  test('Multi-Paxos at the leader: one accept to each other server, and its reply', async () => {
    expect(await messagesFor(multiPaxos, n)).toEqual(both('acceptor.accept', others));
  });

  test('Multi-Paxos at another server: one request to the leader more, and its reply', async () => {
    expect(await messagesFor(multiPaxos, n, { atLeader: false })).toEqual({
      ...both('leader.propose', 1),
      ...both('acceptor.accept', others),
    });
  });

  test('100 commands at once travel together: no more messages than for one', async () => {
    expect(await messagesFor(multiPaxos, n, { commands: 100 })).toEqual(both('acceptor.accept', others));
  });

  test('600 commands at once take two messages to each: 512 fit in one', async () => {
    expect(await messagesFor(multiPaxos, n, { commands: 600 })).toEqual(both('acceptor.accept', 2 * others));
  });

  test('thrifty, a command takes the votes of a smallest quorum only', async () => {
    const quorum = (n + 1) / 2;
    const thrifty = await messagesFor(multiPaxos, n, { thrifty: true });
    expect(thrifty).toMatchObject(both('acceptor.accept', quorum - 1));
    // Those that were not asked learn of it another way.
    expect(Object.keys(thrifty).sort()).toEqual([
      'acceptor.accept reply',
      'acceptor.accept request',
      'learner.chosen reply',
      'learner.chosen request',
    ]);
  });
});

test('100 commands that come one by one while a message is under way travel with the next ones', async () => {
  const { cluster, counts } = await quiet(multiPaxos, 3, false);
  const leader = cluster.replica(0).inspect().leader!;
  for (let i = 0; i < 100; i++) {
    cluster.submit(leader, `command ${i}`);
    await cluster.world.time.run(0.1);
  }
  expect(await cluster.settles(SETTLE_MS)).toBe(true);
  expect(counts['acceptor.accept request']! / 2).toBeLessThanOrEqual(12);
});
