import { describe, expect, test } from '@jest/globals';
import type { ServerId } from '../../../../src/core/ballot';
import { HEALTHY, type Message, type Rule } from '../../../../src/simulation/network';
import type { Cluster } from '../../../support/cluster';
import { SHIPPED, startCluster } from '../code';
import { play, type Schedule } from './play';

/** Time for messages to arrive and for a disk to sync, too little for anybody to miss a leader. */
const MOMENT_MS = 50;
const PATIENCE_MS = 5000;
/** Every slot is in a checkpoint, and servers look what they missed; what gets no answer is asked of another one. */
const OPTIONS = { checkpointSlots: 1, gossipMs: 100, callTimeoutMs: 1e6 };

const among =
  (...servers: ServerId[]): Rule =>
  ({ from, to }) =>
    servers.includes(from) && servers.includes(to) ? 'deliver' : 'drop';

/** Learners talk under a rule of their own. */
const withLearners =
  (learners: Rule, others: Rule): Rule =>
  (message) =>
    (message.method.startsWith('learner.') ? learners : others)(message);

const isRequest = ({ kind, method }: Message, of: string): boolean => kind === 'request' && method === of;

async function until(cluster: Cluster, what: string, isThere: () => boolean): Promise<void> {
  if (!(await cluster.world.time.runUntil(isThere, PATIENCE_MS))) throw new Error(`not reached: ${what}`);
}

const appliedAt = (cluster: Cluster, server: ServerId): number => cluster.replica(server).inspect().applied;

function leadersOf(cluster: Cluster): Set<ServerId | null | undefined> {
  return new Set(cluster.world.members.map((server) => cluster.replica(server).inspect().leader));
}

/** Has `successor` elected under the rule, behind the back of `leader`, whom it followed. */
async function elect(cluster: Cluster, leader: ServerId, successor: ServerId, rule: Rule): Promise<void> {
  const { network, time } = cluster.world;
  network.rule = rule;
  const ballot = { round: 0, server: leader };
  for (const member of cluster.upServers) {
    const { leader: followed, highestPromised } = cluster.replica(member).inspect();
    if (followed === leader && highestPromised.server === leader) ballot.round = highestPromised.round;
  }
  const call = network.call(successor, successor, 'leader.takeOver', { ballot }, { timeoutMs: PATIENCE_MS });
  await time.settled(call, PATIENCE_MS);
  const isElected = (): boolean => cluster.replica(successor).inspect().leader === successor;
  await until(cluster, `server ${successor} leads`, isElected);
}

/**
 * The second leader B proposes z in slot 1, of which it knows nothing; only B votes. What it sent to X is held back, and
 * is a ballot above the one that X has promised.
 */
async function electOneThatKnowsNothing(
  cluster: Cluster,
  [A, B, X]: [ServerId, ServerId, ServerId],
  electors: Rule,
): Promise<Rule> {
  const isLate = (message: Message): boolean =>
    message.from === B && message.to === X && isRequest(message, 'acceptor.accept');
  await elect(cluster, A, B, (message) => {
    if (isLate(message)) return 'hold';
    return message.from === B && isRequest(message, 'acceptor.accept') ? 'drop' : electors(message);
  });
  cluster.submit(B, 'z');
  await cluster.world.time.run(MOMENT_MS);
  return (message) => (isLate(message) ? 'deliver' : 'drop');
}

/** The late accept reaches X, X restarts, and B asks X what is chosen; then all are well, and must agree. */
async function restartAfterTheLateAccept(
  cluster: Cluster,
  [B, X]: [ServerId, ServerId],
  late: Rule,
): Promise<void> {
  const { network, time, observer, members } = cluster.world;
  network.rule = () => 'drop';
  expect(network.release((message) => late(message) === 'deliver')).toBeGreaterThan(0);
  await time.run(MOMENT_MS);
  expect(cluster.replica(X).inspect().highestPromised.server).toBe(B);
  cluster.crash(X);
  cluster.start(X);
  network.rule = withLearners(among(B, X), () => 'drop');
  await time.run(2000);
  network.rule = HEALTHY;
  await until(cluster, 'one of them leads all', () => leadersOf(cluster).size === 1);
  // Whoever leads them may yet be replaced.
  let outcome = await cluster.outcomeOf(cluster.submit(X, 'last'));
  for (let tries = 1; tries < 5 && outcome.kind !== 'done'; tries++)
    outcome = await cluster.outcomeOf(cluster.submit(X, 'last'));
  expect(outcome.kind).toBe('done');
  await until(cluster, 'all have applied it', () =>
    members.every((server) => cluster.log(server).includes('last')),
  );
  for (const server of members) expect(cluster.log(server)).toEqual(cluster.log(B));
  observer.check();
}

/**
 * X has the vote y of ballot 1. y is chosen by ballot 3, of which X learns by catch-up. Then the accept of ballot 2
 * reaches X, with another value.
 */
const learnedByCatchUp: Schedule = async (code) => {
  const { cluster, leader: A } = await startCluster(code, 5, undefined, OPTIONS);
  const { network, time, members } = cluster.world;
  const [B, C, D, X] = members.filter((member) => member !== A) as [ServerId, ServerId, ServerId, ServerId];

  network.rule = among(A, X);
  cluster.submit(A, 'y');
  await time.run(MOMENT_MS);
  const late = await electOneThatKnowsNothing(cluster, [A, B, X], among(B, C, D));
  await elect(cluster, B, D, among(A, C, D));
  await until(cluster, 'y is chosen', () => [A, C, D].every((server) => appliedAt(cluster, server) === 1));
  network.rule = withLearners(among(D, X), among(A, C, D));
  await until(cluster, 'X has learned y', () => appliedAt(cluster, X) === 1);
  await time.run(MOMENT_MS);
  await restartAfterTheLateAccept(cluster, [B, X], late);
};

/**
 * The same, but X hears of it from A, the leader of ballot 1, which had proposed y and does not know of its successors.
 * A has asked G, which keeps no vote in that slot any more, and then learned that y is chosen.
 */
const vouchedForByTheFirstLeader: Schedule = async (code) => {
  const { cluster, leader: A } = await startCluster(code, 9, undefined, {
    ...OPTIONS,
    checkQuorumMs: 1e6,
    log: { slots: 1, characters: 1e6 },
  });
  const { network, time, members } = cluster.world;
  const [B, C, D, E, F, G, H, X] = members.filter((member) => member !== A) as [
    ServerId,
    ServerId,
    ServerId,
    ServerId,
    ServerId,
    ServerId,
    ServerId,
    ServerId,
  ];

  network.rule = among(A, C, X);
  cluster.submit(A, 'y');
  await time.run(MOMENT_MS);
  const late = await electOneThatKnowsNothing(cluster, [A, B, X], among(B, D, E, F, H));
  const electors = among(C, D, E, F, H);
  await elect(cluster, B, D, electors);
  await until(cluster, 'C has applied y', () => appliedAt(cluster, C) === 1);
  network.rule = (message) =>
    message.to === C && isRequest(message, 'acceptor.heartbeat') ? 'drop' : electors(message);
  await cluster.outcomeOf(cluster.submit(D, 'w'));
  expect(appliedAt(cluster, C)).toBe(1);
  network.rule = withLearners(among(D, G), () => 'drop');
  await until(cluster, 'G keeps no vote of slot 1', () => cluster.replica(G).inspect().floor > 1);

  network.rule = withLearners(among(A, C), among(A, G));
  await until(cluster, 'A has learned y', () => appliedAt(cluster, A) === 1);
  network.rule = withLearners(() => 'drop', among(A, G, X));
  await time.run(1000);
  await restartAfterTheLateAccept(cluster, [B, X], late);
};

/**
 * A has y chosen with B and C, and crashes; C has applied it and keeps no vote of it. D, elected by B and E, inherits y from
 * B; then E is away, and all that is left to D are B and C.
 */
const inheritedWhatOthersHaveForgotten: Schedule = async (code) => {
  const { cluster, leader: A } = await startCluster(code, 5, undefined, {
    ...OPTIONS,
    gossipMs: 1e6,
    log: { slots: 0, characters: 1e6 },
  });
  const { network, observer, members } = cluster.world;
  const [B, C, D, E] = members.filter((member) => member !== A) as [ServerId, ServerId, ServerId, ServerId];
  const noLearners: Rule = () => 'drop';
  network.rule = withLearners(noLearners, (message) =>
    message.to === B && isRequest(message, 'acceptor.heartbeat') ? 'drop' : among(A, B, C)(message),
  );
  await cluster.outcomeOf(cluster.submit(A, 'y'));
  await until(cluster, 'C keeps no vote of slot 1', () => cluster.replica(C).inspect().floor === 2);
  cluster.crash(A);
  const electors = withLearners(noLearners, (message) =>
    isRequest(message, 'acceptor.accept') ? 'drop' : among(B, D, E)(message),
  );
  await elect(cluster, A, D, electors);
  expect([B, D, E].map((server) => appliedAt(cluster, server))).toEqual([0, 0, 0]);
  network.rule = among(B, C, D);
  await cluster.outcomeOf(cluster.submit(D, 'x'));
  for (const server of [B, C, D]) await until(cluster, 'all have x', () => cluster.log(server).length === 2);
  observer.check();
};

const ACCEPTOR = 'protocols/multi-paxos/acceptor.ts';
const LEADER = 'protocols/multi-paxos/leader.ts';
const STORED_LOG = 'protocols/log/stored-log.ts';

/** The acceptor votes for another value also where its learner knows what is chosen. */
const votesOn = {
  file: ACCEPTOR,
  find: 'entries.some(isLost) ? applied + 1 : this.#floor',
  replace: 'this.#floor',
};

describe('what a vote shows of what is chosen', () => {
  test('where nothing goes wrong it shows all: no server stores a chosen value once more', async () => {
    const { cluster, leader } = await startCluster(SHIPPED, 3, undefined, { checkpointSlots: 2 });
    const { members, time } = cluster.world;
    for (let index = 0; index < 10; index++) await cluster.outcomeOf(cluster.submit(leader, `w${index}`));
    await time.run(MOMENT_MS);
    for (const server of members) {
      const { disk } = cluster.hosts[server]!;
      expect(disk.durableText('learner/applied')).toBe('10');
      expect([...disk.durableKeys('learner/chosen/')]).toEqual([]);
      cluster.crash(server);
      cluster.start(server);
      await time.run(1);
      const { highestChosen, floor } = cluster.replica(server).inspect();
      expect([highestChosen, floor]).toEqual([10, 1]);
    }
  });

  play(
    {
      name: 'a value that was learned of a peer is stored, also where the vote is the same: it may be replaced',
      edits: [
        votesOn,
        {
          file: STORED_LOG,
          find: '!this.#isProven(slot, chosenBy)',
          replace: 'this.#voteIn(slot)?.value.id !== value.id',
        },
      ],
    },
    learnedByCatchUp,
    /learned but not chosen/,
  );
  play(
    {
      name: 'a leader that learns its own value to be chosen does not say that its own ballot chose it',
      edits: [
        votesOn,
        {
          file: LEADER,
          find: 'if (this.#learner.knows(first)) return',
          replace:
            "if (entries.every(({ slot, value }) => this.#learner.chosenIn(slot)?.id === value.id)) return { kind: 'chosen' };\n    if (this.#learner.knows(first)) return",
        },
      ],
    },
    vouchedForByTheFirstLeader,
    /learned but not chosen/,
  );
  play(
    {
      name: 'a leader that gets no votes in slots which others have applied and dropped begins anew behind them',
      edits: [
        {
          file: LEADER,
          find: "if (this.#learner.knows(first)) return { kind: 'rejected', by: this.ballot };",
          replace: '',
        },
      ],
    },
    inheritedWhatOthersHaveForgotten,
    /not reached: all have x/,
  );
});
