import { describe, expect, test } from '@jest/globals';
import type { ServerId } from '../../../../src/core/ballot';
import type { Cluster } from '../../../support/cluster';
import { SHIPPED, startCluster } from '../code';
import { play, type Schedule } from './play';

const LEASES = 'protocols/multi-paxos/lease.ts';
const LEASE = { durationMs: 1500, maxDrift: 0.01 };
/** Time for the others to elect somebody, if nothing forbids it, and to write. The leader does not miss them yet. */
const ELECT_MS = 450;
const WRITE_MS = 100;
/** So fast that the lease and the patience of followers are over within the time to elect. */
const FAST_CLOCK = 20;

/** The leader is cut off, the others do what they can; then it is read from, while it counts on its lease. */
function readWhileCutOff(meanwhile: (cluster: Cluster, others: ServerId[]) => void): Schedule {
  return async (code) => {
    const { cluster, leader } = await startCluster(code, 3, LEASE);
    const { time, network, observer, members } = cluster.world;
    const others = members.filter((member) => member !== leader);
    network.rule = ({ from, to }) => (from === leader || to === leader ? 'drop' : 'deliver');
    meanwhile(cluster, others);
    await time.run(ELECT_MS);
    const write = cluster.submit(others[0]!, 'y');
    await time.run(WRITE_MS);
    const isWritten = write.outcome?.kind === 'done';
    const seen = await cluster.read(leader);
    if (isWritten && !seen.includes('y')) observer.fail('stale read', 'y was answered before');
    observer.check();
  };
}

/** One of them is told to campaign at once, as by a leader that stops. */
const takenOver = (cluster: Cluster, [successor = 0]: ServerId[]): void => {
  const ballot = cluster.replica(successor).inspect().highestPromised;
  const params = { ballot };
  cluster.world.network
    .call(successor, successor, 'leader.takeOver', params, { timeoutMs: 1000 })
    .catch(() => undefined);
};

const restarted = (cluster: Cluster, others: ServerId[]): void => {
  for (const other of others) cluster.crash(other);
  cluster.start(...others);
};

/** The grants of the others are over: one of them is elected and writes, then the old leader is read from. */
async function readAfterTheOthersWrote(cluster: Cluster, leader: ServerId): Promise<void> {
  const { time, network, observer, members } = cluster.world;
  const others = members.filter((member) => member !== leader);
  takenOver(cluster, others);
  await time.run(60);
  const write = cluster.submit(others[0]!, 'y');
  await time.run(60);
  expect(write.outcome?.kind).toBe('done');
  // Without a lease the read has to hear of the new leader.
  time.after(50, () => {
    network.rule = () => 'deliver';
  });
  if (!(await cluster.read(leader)).includes('y')) observer.fail('stale read', 'y was answered before');
  observer.check();
}

/** The answers to one round of heartbeats take their time, and are the last that the leader hears. */
const readOnLateAnswers: Schedule = async (code) => {
  const { cluster, leader } = await startCluster(code, 3, { durationMs: 700, maxDrift: 0.01 });
  const { time, network } = cluster.world;
  const heard = new Set<ServerId>();
  network.rule = ({ method, kind, from, to }) => {
    if (from !== leader && to !== leader) return 'deliver';
    if (method !== 'acceptor.heartbeat') return 'drop';
    if (kind === 'reply') return to === leader ? 'hold' : 'drop';
    if (to === leader) return 'drop';
    return heard.size < heard.add(to).size ? 'deliver' : 'drop';
  };
  await time.run(410);
  expect(network.release()).toBe(2);
  await time.run(400);
  await readAfterTheOthersWrote(cluster, leader);
};

/** The followers' clocks are as fast, and the leader's is as slow, as the lease allows for. */
const readAtTheDriftAllowedFor: Schedule = async (code) => {
  const maxDrift = 0.25;
  const { cluster, leader } = await startCluster(code, 3, { durationMs: 700, maxDrift });
  const { time, network, members } = cluster.world;
  const others = members.filter((member) => member !== leader);
  cluster.hosts[leader]!.setClockRate(1 - maxDrift);
  for (const other of others) cluster.hosts[other]!.setClockRate(1 + maxDrift);
  await time.run(300);
  network.rule = ({ from, to }) => (from === leader || to === leader ? 'drop' : 'deliver');
  await time.run(570);
  await readAfterTheOthersWrote(cluster, leader);
};

/**
 * X is elected by itself and A. F hears heartbeats of X, and so grants it a lease, but was never asked for a promise; it
 * restarts, and the first that it hears then is a heartbeat that A, the leader before, had sent long ago.
 */
const lateHeartbeatAfterARestart: Schedule = async (code) => {
  const { cluster, leader: A } = await startCluster(code, 3, { durationMs: 3000, maxDrift: 0.01 });
  const { time, network, observer, members } = cluster.world;
  const { highestPromised: first } = cluster.replica(A).inspect();
  const [X, F] = members.filter((member) => member !== A) as [ServerId, ServerId];
  const leaderOf = (server: ServerId): ServerId | null => cluster.replica(server).inspect().leader ?? null;
  let isLate = false;
  network.rule = ({ method, kind, from, to }) => {
    const isHeartbeat = method === 'acceptor.heartbeat' && kind === 'request';
    if (from === A && to === F && isHeartbeat && !isLate) {
      isLate = true;
      return 'hold';
    }
    // Only X campaigns, and only X and F hear who leads.
    if (kind === 'request' && /preVote|prepare/.test(method))
      return from === X ? (to === F && method === 'acceptor.prepare' ? 'drop' : 'deliver') : 'drop';
    if (from === A || to === A) return isHeartbeat || from === F || to === F ? 'drop' : 'deliver';
    return /preVote|heartbeat/.test(method) ? 'deliver' : 'drop';
  };
  expect(await time.runUntil(() => leaderOf(X) === X && leaderOf(F) === X, 60_000)).toBe(true);
  await time.run(400);
  network.rule = ({ from, to }) => (from === X || to === X ? 'drop' : 'deliver');
  cluster.crash(F);
  cluster.start(F);
  await time.run(5);
  expect(network.release()).toBe(1);
  await time.run(5);
  network.call(A, A, 'leader.takeOver', { ballot: first }, { timeoutMs: 1000 }).catch(() => undefined);
  await time.run(60);
  const write = cluster.submit(A, 'y');
  await time.run(60);
  const isWritten = write.outcome?.kind === 'done';
  time.after(50, () => {
    network.rule = () => 'deliver';
  });
  const seen = await cluster.read(X);
  if (isWritten && !seen.includes('y')) observer.fail('stale read', 'y was answered before');
  observer.check();
};

const fastClocks = (cluster: Cluster, others: ServerId[]): void => {
  for (const other of others) cluster.hosts[other]!.setClockRate(FAST_CLOCK);
};

describe('what a lease rests on', () => {
  play(
    {
      name: 'who has granted it promises nothing to other candidates',
      edits: [
        {
          file: LEASES,
          find: 'candidate !== this.#holder && now < this.#until',
          replace: 'false',
        },
      ],
    },
    readWhileCutOff(takenOver),
    /stale read/,
  );

  play(
    {
      name: 'a restarted server, which has forgotten what it granted, elects nobody for as long',
      edits: [{ file: LEASES, find: 'now < this.#forgottenUntil || ', replace: '' }],
    },
    readWhileCutOff(restarted),
    /stale read/,
  );

  play(
    {
      name: 'it counts from the sending of the heartbeat, not from the answer',
      edits: [
        {
          file: 'protocols/multi-paxos/heartbeats.ts',
          find: 'Math.max(sentAt, this.#grantedAt.get(member) ?? sentAt)',
          replace: 'clock.now()',
        },
      ],
    },
    readOnLateAnswers,
    /stale read/,
  );

  play(
    {
      name: 'the first leader that a restarted server hears frees nothing of what it granted before',
      edits: [
        {
          file: LEASES,
          find: 'now < this.#forgottenUntil ||',
          replace: '(now < this.#forgottenUntil && this.#holder === undefined) ||',
        },
      ],
    },
    lateHeartbeatAfterARestart,
    /stale read/,
  );

  play(
    {
      name: 'it ends so much earlier as clocks may be wrong by',
      edits: [
        {
          file: LEASES,
          find: 'return (durationMs * (1 - maxDrift)) / (1 + maxDrift);',
          replace: 'return durationMs;',
        },
      ],
    },
    readAtTheDriftAllowedFor,
    /stale read/,
  );

  test('clocks that are wrong by more than it allows for make it void: the documented assumption', async () => {
    await expect(readWhileCutOff(fastClocks)(SHIPPED)).rejects.toThrow(/stale read/);
  });
});
