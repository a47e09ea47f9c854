import { describe } from '@jest/globals';
import type { Ballot, ServerId } from '../../../../src/core/ballot';
import type { Message, Rule } from '../../../../src/simulation/network';
import type { Cluster } from '../../../support/cluster';
import { startCluster } from '../code';
import { play, type Schedule } from './play';

/** Time for messages to arrive, too little for anybody to miss the leader. */
const MOMENT_MS = 30;
const CALL = { timeoutMs: 1000 };

/** Has `successor` elected by the others than the leader, which does not notice; only messages that `also` delivers pass besides. */
async function electBehindItsBack(
  cluster: Cluster,
  { leader, successor, away = [] }: { leader: ServerId; successor: ServerId; away?: ServerId[] },
  also: Rule,
): Promise<void> {
  const { world } = cluster;
  const hidden = [leader, ...away];
  const ballot: Ballot = cluster.replica(leader).inspect().highestPromised;
  world.network.rule = (message) =>
    hidden.includes(message.from) || hidden.includes(message.to) ? also(message) : 'deliver';
  const call = world.network.call(successor, successor, 'leader.takeOver', { ballot }, CALL);
  await world.time.settled(call, CALL.timeoutMs);
  const isElected = (): boolean => cluster.replica(successor).inspect().leader === successor;
  if (!(await world.time.runUntil(isElected, 200))) throw new Error('the successor was not elected');
}

/** The reply of the leader is lost; the server that has forwarded the command asks again. */
const forwardedTwice: Schedule = async (code) => {
  const { cluster, leader } = await startCluster(code, 3);
  const { world } = cluster;
  let lost = 0;
  world.network.rule = ({ method, kind }) =>
    method === 'leader.propose' && kind === 'reply' && lost++ < 2 ? 'drop' : 'deliver';
  const operation = cluster.submit((leader + 1) % 3, 'x');
  await cluster.outcomeOf(operation);
  if (lost < 2) throw new Error('the command was not forwarded again');
  await world.time.run(1000);
  cluster.checkOutcomes();
};

/** A write that was lost with its leader comes to the next one while its queue is full, and again when it is not. */
const retriedAfterOverload: Schedule = async (code) => {
  const options = { maxQueued: 1, roundsInFlight: 1 };
  const { cluster, leader } = await startCluster(code, 3, undefined, options);
  const { world } = cluster;
  const [origin, successor] = [(leader + 1) % 3, (leader + 2) % 3];
  let refusals = 0;
  const busy: Rule = ({ method, kind, from, to }) => {
    if (method === 'leader.propose' && to === leader) return 'drop';
    if (method === 'leader.propose' && kind === 'reply' && from === successor) refusals++;
    return method === 'acceptor.accept' ? 'drop' : 'deliver';
  };
  world.network.rule = busy;
  let outcome: unknown;
  cluster
    .replica(origin)
    .submit('x', 4000, true)
    .then(
      () => (outcome = 'done'),
      (error: unknown) => (outcome = error),
    );
  const ballot: Ballot = cluster.replica(leader).inspect().highestPromised;
  const call = world.network.call(successor, successor, 'leader.takeOver', { ballot }, CALL);
  await world.time.settled(call, CALL.timeoutMs);
  const isElected = (): boolean => cluster.replica(successor).inspect().leader === successor;
  if (!(await world.time.runUntil(isElected, 200))) throw new Error('the successor was not elected');
  const first = cluster.submit(successor, 'y');
  // It starts before the next command comes, which then has the only place in the queue.
  await world.time.run(1);
  const second = cluster.submit(successor, 'z');
  if (!(await world.time.runUntil(() => refusals > 0, 1000))) throw new Error('the write was never refused');
  world.network.rule = () => 'deliver';
  for (const operation of [first, second]) await cluster.outcomeOf(operation);
  await world.time.runUntil(() => outcome !== undefined, 6000);
  if (outcome !== 'done') world.observer.fail('the retry was refused for ever', String(outcome));
  world.observer.check();
};

/** A read begins while the answers for an earlier one are on their way; in between, another leader writes. */
const readInARoundThatHasBegun: Schedule = async (code) => {
  const { cluster, leader } = await startCluster(code, 3);
  const { network, time, observer } = cluster.world;
  const successor = (leader + 1) % 3;
  const isAnswer = ({ method, kind, to }: Message): boolean =>
    method === 'acceptor.heartbeat' && kind === 'reply' && to === leader;
  network.rule = (message) => (isAnswer(message) ? 'hold' : 'deliver');
  const early = cluster
    .replica(leader)
    .readBarrier(2000)
    .catch(() => undefined);
  await time.run(5);
  await electBehindItsBack(cluster, { leader, successor }, () => 'drop');
  await cluster.outcomeOf(cluster.submit(successor, 'y'));
  network.rule = (message) => (isAnswer(message) ? 'hold' : 'deliver');
  const read = cluster.replica(leader).readBarrier(5000);
  let seen: readonly string[] | undefined;
  read.then(
    () => (seen = [...cluster.log(leader)]),
    (error: unknown) => {
      observer.unexpected(leader, error);
    },
  );
  network.release();
  await time.runUntil(() => seen !== undefined, MOMENT_MS);
  network.rule = () => 'deliver';
  network.release();
  await time.runUntil(() => seen !== undefined, 5000);
  await time.settled(early, 5000);
  if (seen?.includes('y') !== true) observer.fail('stale read', 'y was answered before');
  observer.check();
};

/** A deposed leader that does not know it learns from others what they chose in a slot of its own. */
const learnsOfItsSuccessor: Schedule = async (code) => {
  const { cluster, leader } = await startCluster(code, 5);
  const { network, time, observer, members } = cluster.world;
  const [follower = 0, successor = 0] = members.filter((member) => member !== leader);
  const withinReach: Rule = ({ from, to }) =>
    [leader, follower].includes(from) && [leader, follower].includes(to) ? 'deliver' : 'drop';
  network.rule = withinReach;
  cluster.submit(leader, 'x');
  await time.run(MOMENT_MS);
  await electBehindItsBack(cluster, { leader, successor, away: [follower] }, withinReach);
  await cluster.outcomeOf(cluster.submit(successor, 'y'));
  network.rule = () => 'deliver';
  const chosen = network.call(leader, successor, 'learner.chosen', { from: 1 }, CALL);
  const { entries } = (await time.settled(chosen, CALL.timeoutMs)) as { entries: object[] };
  await time.settled(network.call(successor, leader, 'learner.learn', entries[0], CALL), CALL.timeoutMs);
  network.rule = withinReach;
  await time.run(300);
  observer.check();
};

/** The follower has a vote of the first leader in slot 1, and hears that slot 1 is chosen; then the accept comes once more. */
const lateAccept: Schedule = async (code) => {
  const { cluster, leader } = await startCluster(code, 5);
  const { network, time, observer, members } = cluster.world;
  const [follower = 0, successor = 0] = members.filter((member) => member !== leader);
  let accept: unknown;
  network.rule = ({ from, to, method, params }) => {
    if (from === leader && to !== follower) return 'drop';
    if (method === 'acceptor.accept' && to === follower) accept = params;
    return 'deliver';
  };
  cluster.submit(leader, 'x');
  await time.run(MOMENT_MS);
  await electBehindItsBack(cluster, { leader, successor, away: [follower] }, () => 'drop');
  await cluster.outcomeOf(cluster.submit(successor, 'y'));
  network.rule = ({ method, to }) =>
    method === 'acceptor.heartbeat' && to === follower ? 'deliver' : 'drop';
  await time.runUntil(() => cluster.replica(follower).inspect().leader === successor, 300);
  network.rule = ({ method }) => (method === 'acceptor.accept' ? 'deliver' : 'drop');
  network.call(leader, follower, 'acceptor.accept', accept, CALL).catch(() => undefined);
  await time.run(MOMENT_MS / 2);
  observer.check();
};

const HEARTBEATS = 'protocols/multi-paxos/heartbeats.ts';
const FOLLOWER = 'protocols/multi-paxos/follower.ts';

describe('what a leader may say', () => {
  play(
    {
      name: 'a command that is forwarded twice is proposed once',
      edits: [
        {
          file: 'protocols/multi-paxos/once-only.ts',
          find: 'const known = this.#replies.get(key);',
          replace: 'const known = undefined;',
        },
      ],
    },
    forwardedTwice,
    /applied twice: x/,
  );
  play(
    {
      name: 'a retry of a server is a new attempt: it is refused no longer than the queue is full',
      edits: [
        {
          file: 'protocols/multi-paxos/operations.ts',
          find: 'proposed = await this.#requests.propose(value, deadline, ++attempt);',
          replace: 'proposed = await this.#requests.propose(value, deadline, attempt);',
        },
      ],
    },
    retriedAfterOverload,
    /the retry was refused for ever/,
  );
  play(
    {
      name: 'a read is confirmed by a round that began after it',
      edits: [
        {
          file: HEARTBEATS,
          find: 'this.#nextConfirmation ??= (this.#confirmation ?? Promise.resolve()).then(() => {',
          replace:
            'if (this.#confirmation) return this.#confirmation;\n    this.#nextConfirmation ??= Promise.resolve().then(() => {',
        },
      ],
    },
    readInARoundThatHasBegun,
    /stale read/,
  );
  play(
    {
      name: 'a leader vouches for what was chosen under its own ballot, not for what it learns',
      edits: [
        {
          file: 'protocols/multi-paxos/leader.ts',
          find: 'chosenUpTo: () => this.#chosenUpTo,',
          replace: 'chosenUpTo: () => Math.max(this.#chosenUpTo, this.#learner.applied),',
        },
      ],
    },
    learnsOfItsSuccessor,
    /learned but not chosen/,
  );
  play(
    {
      name: 'no word of an earlier leader counts once a later one was heard',
      edits: [
        { file: FOLLOWER, find: 'if (comparison < 0) return;\n', replace: '' },
        {
          file: FOLLOWER,
          find: 'if (comparison > 0) {\n      this.#ballot = ballot;\n      this.#chosenUpTo = 0;',
          replace: 'if (comparison !== 0) {\n      this.#ballot = ballot;',
        },
      ],
    },
    lateAccept,
    /learned but not chosen/,
  );
});
