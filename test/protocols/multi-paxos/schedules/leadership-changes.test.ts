import { describe } from '@jest/globals';
import type { Ballot, ServerId } from '../../../../src/core/ballot';
import type { Edit } from '../../../../src/simulation/museum/mutant';
import type { Cluster } from '../../../support/cluster';
import { startCluster } from '../code';
import { play, type Schedule } from './play';

const REPLICA = 'protocols/multi-paxos/replica.ts';
const LONG_MS = 10_000;
/** It changes nothing, so that it may be chosen twice. */
const COMMAND = { id: '9.1.1', command: null };

function edit(find: string, replace: string): Edit {
  return { file: REPLICA, find, replace };
}

/** What server `to` answers to a call of server `from`. */
async function ask(
  cluster: Cluster,
  call: { from: ServerId; to: ServerId; method: string; params: object },
): Promise<{ readonly kind: string }> {
  const { network, time } = cluster.world;
  const answer = network.call(call.from, call.to, call.method, call.params, { timeoutMs: LONG_MS });
  return (await time.settled(answer, LONG_MS)) as { kind: string };
}

function ballotOf(cluster: Cluster, server: ServerId): Ballot {
  return cluster.replica(server).inspect().highestPromised;
}

/** Has `successor` elected by all, as if the leader stopped. */
async function elect(cluster: Cluster, successor: ServerId): Promise<void> {
  const { time, members, observer } = cluster.world;
  const params = { ballot: ballotOf(cluster, successor) };
  await ask(cluster, { from: successor, to: successor, method: 'leader.takeOver', params });
  const isHeard = (): boolean =>
    members.every((member) => cluster.replica(member).inspect().leader === successor);
  if (!(await time.runUntil(isHeard, LONG_MS))) observer.fail('not played', 'the successor was not elected');
}

/** L proposes a command that reaches nobody, is overtaken, and leads again: its second proposal is another one. */
const proposedUnderTwoBallots: Schedule = async (code) => {
  const { cluster, leader } = await startCluster(code, 3);
  const { network, time, observer } = cluster.world;
  const [origin, successor] = [(leader + 1) % 3, (leader + 2) % 3];
  const propose = (): Promise<unknown> => {
    const params = { ballot: ballotOf(cluster, leader), value: COMMAND, attempt: 1 };
    return network.call(origin, leader, 'leader.propose', params, { timeoutMs: LONG_MS });
  };
  network.rule = ({ method, from }) => (method === 'acceptor.accept' && from === leader ? 'drop' : 'deliver');
  const first = propose();
  await time.run(5);
  await elect(cluster, successor);
  const { kind } = (await time.settled(first, LONG_MS)) as { kind: string };
  if (kind !== 'overtaken') observer.fail('not played', `the first answer was ${kind}`);
  await elect(cluster, leader);
  network.rule = () => 'deliver';
  const again = (await time.settled(propose(), LONG_MS)) as { kind: string };
  if (again.kind !== 'chosen') observer.fail('answer of another ballot', again.kind);
  observer.check();
};

/** A command is sent once more to a leader that has been restarted since it came the first time. */
const proposedBeforeARestart: Schedule = async (code) => {
  const { cluster, leader } = await startCluster(code, 3);
  const { time, observer } = cluster.world;
  const params = { ballot: ballotOf(cluster, leader), value: COMMAND, attempt: 1 };
  const call = { from: (leader + 1) % 3, to: leader, method: 'leader.propose', params };
  const first = await ask(cluster, call);
  if (first.kind !== 'chosen') observer.fail('not played', first.kind);
  cluster.crash(leader);
  cluster.start(leader);
  await time.run(LONG_MS);
  const again = await ask(cluster, call);
  if (again.kind !== 'overtaken') observer.fail('surely not proposed', again.kind);
  observer.check();
};

/** F has promised to X; then comes a heartbeat of the leader before, which F refuses. It grants nothing by that. */
const refusedHeartbeat: Schedule = async (code) => {
  const durationMs = 20_000;
  const { cluster, leader } = await startCluster(code, 3, { durationMs, maxDrift: 0.01 });
  const { network, time, observer } = cluster.world;
  const [X, F] = [(leader + 1) % 3, (leader + 2) % 3];
  const before = ballotOf(cluster, F);
  const high = { round: before.round + 1_000_000, server: X };
  let isPlayed = false;
  network.rule = ({ kind, to }) => (kind === 'reply' || (isPlayed && to === F) ? 'deliver' : 'drop');
  await time.run(2 * durationMs);
  const played = async (method: string, ballot: Ballot, more: object): Promise<string> => {
    isPlayed = true;
    const answer = ask(cluster, { from: ballot.server, to: F, method, params: { ballot, ...more } });
    // Nobody else's message gets through in the meantime.
    isPlayed = false;
    return (await answer).kind;
  };
  const promised = await played('acceptor.prepare', high, { from: 1 });
  const refused = await played('acceptor.heartbeat', before, { chosenUpTo: 0 });
  if (promised !== 'promised' || refused !== 'rejected')
    observer.fail('not played', `${promised}, ${refused}`);
  await time.run(5000);
  const granted = await played('acceptor.preVote', { ...high, round: high.round + 1 }, {});
  if (granted !== 'granted') observer.fail('bound by nothing', granted);
  observer.check();
};

describe('while the leaders change', () => {
  play(
    {
      name: 'a command that is proposed under another ballot is another proposal',
      edits: [
        edit(
          '{ ballot, id: value.id, attempt },',
          '{ ballot: { round: 1, server: 0 }, id: value.id, attempt },',
        ),
      ],
    },
    proposedUnderTwoBallots,
    /answer of another ballot/,
  );
  play(
    {
      name: 'a restarted leader does not say that it never proposed what came before',
      edits: [
        edit("if (ballot.round < this.#ids.incarnation) return Promise.resolve({ kind: 'overtaken' });", ''),
      ],
    },
    proposedBeforeARestart,
    /surely not proposed/,
  );
  play(
    {
      name: 'a leader whose heartbeat is refused is granted nothing',
      edits: [
        edit(
          "if (reply.kind === 'following') {\n          this.#grant.renew(request.ballot.server);",
          "this.#grant.renew(request.ballot.server);\n        if (reply.kind === 'following') {",
        ),
      ],
    },
    refusedHeartbeat,
    /bound by nothing/,
  );
});
