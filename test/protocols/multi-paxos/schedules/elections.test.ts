import { describe } from '@jest/globals';
import { formatBallot, type ServerId } from '../../../../src/core/ballot';
import { HEALTHY, type Rule } from '../../../../src/simulation/network';
import type { Cluster } from '../../../support/cluster';
import { startCluster } from '../code';
import { play, type Schedule } from './play';

const ELECTION = 'protocols/multi-paxos/election.ts';
const LONG_MS = 10_000;
/** Time for an election after the leader fell silent. */
const ELECTION_MS = 4000;

/** Who leads and under which ballot, as this server knows. */
function leadership(cluster: Cluster, server: ServerId): string {
  const { leader, highestPromised } = cluster.replica(server).inspect();
  return `server ${leader} with ${formatBallot(highestPromised)}`;
}

/** All others than these, in order. */
function othersThan(cluster: Cluster, ...servers: ServerId[]): ServerId[] {
  return cluster.world.members.filter((member) => !servers.includes(member));
}

async function expectDone(
  cluster: Cluster,
  server: ServerId,
  command: string,
  limitMs: number,
): Promise<void> {
  const begin = cluster.world.time.now;
  const outcome = await cluster.outcomeOf(cluster.submit(server, command, LONG_MS), 2 * LONG_MS);
  const tookMs = cluster.world.time.now - begin;
  if (outcome.kind !== 'done' || tookMs > limitMs)
    cluster.world.observer.fail('too late', `${command}: ${outcome.kind} after ${Math.round(tookMs)} ms`);
  cluster.world.observer.check();
}

/** The rule lasts for long; the leader must be the same after it, and after it has ended. */
function keepsItsLeader(servers: number, ruleOf: (leader: ServerId, others: ServerId[]) => Rule): Schedule {
  return async (code) => {
    const { cluster, leader } = await startCluster(code, servers);
    const before = leadership(cluster, leader);
    const { world } = cluster;
    for (const rule of [ruleOf(leader, othersThan(cluster, leader)), HEALTHY]) {
      world.network.rule = rule;
      await world.time.run(LONG_MS);
      if (leadership(cluster, leader) !== before)
        world.observer.fail('leader deposed', `${before}, now ${leadership(cluster, leader)}`);
      world.observer.check();
    }
    await expectDone(cluster, leader, 'x', 100);
  };
}

/** Under the rule another server must lead soon, and get commands done. */
function electsAnother(
  servers: number,
  ruleOf: (leader: ServerId, others: ServerId[]) => Rule,
  askedOf: (leader: ServerId, others: ServerId[]) => ServerId,
): Schedule {
  return async (code) => {
    const { cluster, leader } = await startCluster(code, servers);
    const others = othersThan(cluster, leader);
    cluster.world.network.rule = ruleOf(leader, others);
    await cluster.world.time.run(ELECTION_MS);
    await expectDone(cluster, askedOf(leader, others), 'x', 1000);
  };
}

function cutBetween(a: ServerId, b: ServerId): Rule {
  return ({ from, to }) => ((from === a && to === b) || (from === b && to === a) ? 'drop' : 'deliver');
}

function isolated(server: ServerId): Rule {
  return ({ from, to }) => (from === server || to === server ? 'drop' : 'deliver');
}

const noPreVote = {
  name: 'a server that was away does not come back with a higher ballot: it asks before it campaigns',
  edits: [{ file: ELECTION, find: 'if (isAskedFor || (await isLeaderless()))', replace: 'if (true)' }],
};
const noStickiness = {
  name: 'a server that alone does not hear the leader gets nowhere: who hears it refuses',
  edits: [
    {
      file: ELECTION,
      find: 'const hearsLeader = this.#leads() || this.#follower.silentMs < electionMinMs;',
      replace: 'const hearsLeader = false;',
    },
  ],
};
const noCheckQuorum = {
  name: 'a leader that is heard and hears nobody steps down',
  edits: [
    { file: 'protocols/multi-paxos/heartbeats.ts', find: 'if (!this.hasQuorum) {', replace: 'if (false) {' },
  ],
};

/** One acceptor has promised a ballot under which nobody leads, as a candidate that died leaves it. */
const strayPromise: Schedule = async (code) => {
  const { cluster, leader } = await startCluster(code, 3);
  const { world } = cluster;
  const [one = 0, other = 0] = othersThan(cluster, leader);
  const ballot = { round: 50_000, server: other };
  await world.time.settled(
    world.network.call(other, one, 'acceptor.prepare', { ballot, from: 1 }, { timeoutMs: 1000 }),
    1000,
  );
  await expectDone(cluster, leader, 'x', 2000);
  await world.time.run(ELECTION_MS);
  const promised = new Set(
    world.members.map((member) => formatBallot(cluster.replica(member).inspect().highestPromised)),
  );
  if (promised.size > 1) world.observer.fail('an acceptor is of no use', [...promised].join(', '));
  world.observer.check();
};

/** As the leader stops; nobody has to wait until it is missed. */
const handOver: Schedule = async (code) => {
  const { cluster, leader } = await startCluster(code, 5);
  const stopped = cluster.replica(leader).handOver();
  await cluster.world.time.settled(stopped, LONG_MS);
  cluster.replica(leader).stop();
  cluster.crash(leader);
  await expectDone(cluster, othersThan(cluster, leader)[0] ?? 0, 'x', 100);
};

describe('who leads', () => {
  play(
    noPreVote,
    keepsItsLeader(3, (_, [away = 0]) => isolated(away)),
    /leader deposed/,
  );
  play(
    noStickiness,
    keepsItsLeader(3, (leader, [end = 0]) => cutBetween(leader, end)),
    /leader deposed/,
  );
  play(
    noCheckQuorum,
    electsAnother(
      3,
      (leader) => (message) => (message.to === leader ? 'drop' : 'deliver'),
      (_, [asked = 0]) => asked,
    ),
    /too late/,
  );
  play(
    { ...noCheckQuorum, name: 'the only server that reaches a quorum leads, though another one did' },
    electsAnother(
      5,
      (_, [centre = 0]) =>
        ({ from, to }) =>
          from === centre || to === centre ? 'deliver' : 'drop',
      (_, [centre = 0]) => centre,
    ),
    /too late/,
  );
  play(
    {
      name: 'a promise that nobody leads under is overtaken: every acceptor stays of use',
      edits: [
        {
          file: 'protocols/multi-paxos/leader.ts',
          find: 'end(end: End): void {\n    if (this.#ended) return;',
          replace: "end(end: End): void {\n    if (this.#ended || end.reason === 'overtaken') return;",
        },
      ],
    },
    strayPromise,
    /too late/,
  );
  play(
    {
      name: 'a leader that stops hands over: no election has to be waited for',
      edits: [
        {
          file: 'protocols/multi-paxos/replica.ts',
          find: 'if (compareBallots(ballot, this.#follower.ballot) === 0) this.#election.takeOver();',
          replace: '',
        },
      ],
    },
    handOver,
    /too late/,
  );
});
