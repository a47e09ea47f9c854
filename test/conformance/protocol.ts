import { describe, expect, test } from '@jest/globals';
import type { ServerId } from '../../src/core/ballot';
import type { Protocol } from '../../src/core/replica';
import type { Operation } from '../support/cluster';
import { CALM, unleash, type Chaos } from './chaos';
import { START_MS, runLoad, settle, start } from './load';
import { forEachSeed } from './seeds';

/** Enough for any election. */
const ELECTION_MS = 3000;
const SIZES = [1, 3, 5, 7];
/** Seconds of work at most, but who knows what else the machine has to do. */
const SLOW_MACHINE_MS = 120_000;

export interface Subject {
  /** What chaos must have done at least, or it was none: a protocol that says less has less to lose. */
  readonly least: { readonly lostMessages: number; readonly lostWritesPerRun: number };
  readonly protocol: Protocol;
  /** The same protocol, with servers that keep only a few dozen commands, so that who was away needs a snapshot. */
  readonly forgetful: Protocol;
}

function minority(servers: number): ServerId[] {
  return Array.from({ length: Math.floor((servers - 1) / 2) }, (_, i) => i * 2 + 1);
}

function done(operations: readonly Operation[]): number {
  return operations.filter(({ outcome }) => outcome?.kind === 'done').length;
}

/** What any protocol must do, whatever is done to it. */
export function describeProtocol(name: string, { protocol, forgetful, least }: Subject): void {
  describe(name, () => {
    describeCalm(protocol);
    describeOutage(protocol);
    describeReadiness(protocol);
    describeChaos(protocol, least);
    describeDeterminism(protocol);
    describeCatchUp(protocol, forgetful);
    describeReads(protocol);
  });
}

function describeCalm(protocol: Protocol): void {
  test.each(SIZES)(
    '%i servers: each command takes effect once, in one order, everywhere',
    async (servers) => {
      const cluster = await start(protocol, servers, 1);
      for (let i = 0; i < 3 * servers; i++) {
        const outcome = await cluster.outcomeOf(cluster.submit(i % servers, `command ${i}`));
        expect(outcome).toEqual({ kind: 'done', position: i });
      }
      await settle(cluster);
      expect(cluster.world.observer.log).toHaveLength(3 * servers);
    },
  );

  test.each(SIZES)('%i servers that all write at once: no livelock', async (servers) => {
    await forEachSeed(3, async (seed) => {
      const cluster = await start(protocol, servers, seed);
      const operations: Operation[] = [];
      for (let i = 0; i < 10; i++)
        for (const server of cluster.world.members)
          operations.push(cluster.submit(server, `command ${i} of ${server}`));
      await settle(cluster);
      expect(done(operations)).toBe(10 * servers);
    });
  });
}

function describeOutage(protocol: Protocol): void {
  test.each(SIZES)('%i servers, a minority of them down: all commands succeed', async (servers) => {
    const cluster = await start(protocol, servers, 1);
    for (const server of minority(servers)) cluster.crash(server);
    for (const server of cluster.upServers)
      expect(await cluster.outcomeOf(cluster.submit(server, `command of ${server}`))).toMatchObject({
        kind: 'done',
      });
    cluster.start(...minority(servers));
    await settle(cluster);
  });

  test.each(SIZES.slice(1))(
    '%i servers, most of them down: an honest failure in time, and recovery',
    async (servers) => {
      const cluster = await start(protocol, servers, 1);
      const { time, members } = cluster.world;
      await cluster.outcomeOf(cluster.submit(0, 'before'));
      await settle(cluster);
      const lost = members.slice(Math.floor(servers / 2));
      for (const server of lost) cluster.crash(server);
      const start0 = time.now;
      const outcome = await cluster.outcomeOf(cluster.submit(0, 'during', 1000));
      expect(outcome.kind).toBe('failed');
      expect(time.now - start0).toBeLessThanOrEqual(1100);
      await expect(cluster.read(0, 1000)).rejects.toThrow();
      expect(cluster.log(0)).toEqual(['before']);
      cluster.start(...lost);
      expect(await cluster.outcomeOf(cluster.submit(0, 'after'))).toMatchObject({ kind: 'done' });
      await settle(cluster);
    },
  );

  test('all servers crash at once, and what was answered is there again', async () => {
    const cluster = await start(protocol, 5, 1);
    for (let i = 0; i < 10; i++) await cluster.outcomeOf(cluster.submit(i % 5, `command ${i}`));
    for (const server of cluster.world.members) cluster.crash(server);
    cluster.startAll();
    await cluster.world.time.run(START_MS);
    expect(await cluster.outcomeOf(cluster.submit(2, 'after'))).toEqual({ kind: 'done', position: 10 });
    await settle(cluster);
  });
}

function describeReadiness(protocol: Protocol): void {
  const refused = { kind: 'failed', failure: 'not-ready', definite: true };

  test('a server that is still starting refuses commands, and takes them when it has started', async () => {
    const cluster = await start(protocol, 3, 1);
    cluster.crash(0);
    cluster.start(0);
    expect(await cluster.outcomeOf(cluster.submit(0, 'too early'))).toMatchObject(refused);
    await cluster.world.time.run(START_MS);
    expect(await cluster.outcomeOf(cluster.submit(0, 'in time'))).toEqual({ kind: 'done', position: 0 });
    await settle(cluster);
  });

  test('a server that was stopped refuses commands', async () => {
    const cluster = await start(protocol, 3, 1);
    cluster.replica(0).stop();
    expect(await cluster.outcomeOf(cluster.submit(0, 'too late'))).toMatchObject(refused);
    await settle(cluster);
  });
}

function describeChaos(protocol: Protocol, least: Subject['least']): void {
  const losses: Chaos = { ...CALM, loss: 0.2, duplication: 0.2, slow: 0.1, slowMs: 200 };

  test(
    'messages are lost, doubled and overtake each other',
    async () => {
      await forEachSeed(20, async (seed) => {
        const load = { chaos: losses, servers: SIZES[seed % 4]!, seed, durationMs: 1500 };
        const { cluster } = await runLoad(protocol, load);
        if (load.servers > 1) {
          expect(cluster.world.network.dropped).toBeGreaterThan(least.lostMessages);
          expect(cluster.world.network.duplicated).toBeGreaterThan(least.lostMessages);
        }
        expect(done(cluster.operations)).toBeGreaterThan(2 * load.servers);
        expect(done(cluster.operations) / cluster.operations.length).toBeGreaterThan(0.95);
      });
    },
    SLOW_MACHINE_MS,
  );

  test(
    'servers crash at any moment and lose what they had not synced',
    async () => {
      const totals = { crashes: 0, lostWrites: 0 };
      const runs = await forEachSeed(16, async (seed) => {
        const chaos = { ...losses, loss: 0.05, duplication: 0.05, crashMs: 150, downMs: 300, syncMs: 20 };
        const load = { chaos, servers: SIZES[seed % 4]!, seed, durationMs: 1500, impatience: 0.1 };
        const { cluster, crashes, lostWrites } = await runLoad(protocol, load);
        totals.crashes += crashes;
        totals.lostWrites += lostWrites;
        expect(crashes).toBeGreaterThan(0);
        expect(done(cluster.operations)).toBeGreaterThan(5);
      });
      expect(totals.crashes).toBeGreaterThan(runs * 5);
      expect(totals.lostWrites).toBeGreaterThan(runs * least.lostWritesPerRun);
    },
    SLOW_MACHINE_MS,
  );

  test(
    'every fourth call on an acceptor goes unanswered: all commands succeed',
    async () => {
      await forEachSeed(10, async (seed) => {
        const chaos = { ...CALM, acceptorFailure: 0.25 };
        const load = { chaos, servers: SIZES[seed % 4]!, seed, durationMs: 1500 };
        const { cluster, lostCalls } = await runLoad(protocol, load);
        expect(lostCalls).toBeGreaterThan(5);
        expect(done(cluster.operations)).toBe(cluster.operations.length);
      });
    },
    SLOW_MACHINE_MS,
  );
}

function describeDeterminism(protocol: Protocol): void {
  test('the same seed gives the same run, another seed another one', async () => {
    const chaos = { ...CALM, loss: 0.1, duplication: 0.1, slow: 0.1, slowMs: 100, crashMs: 300, downMs: 300 };
    const run = async (seed: number): Promise<unknown> => {
      const { cluster } = await runLoad(protocol, { chaos, servers: 5, seed, durationMs: 1000 });
      const { observer, network, time } = cluster.world;
      const outcomes = cluster.operations.map(({ outcome, end }) => ({ outcome, end }));
      return { log: observer.log, sent: network.sent, now: time.now, outcomes };
    };
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });
}

function describeCatchUp(protocol: Protocol, forgetful: Protocol): void {
  async function absence(subject: Protocol, commands: number): Promise<void> {
    const cluster = await start(subject, 3, 1);
    cluster.crash(2);
    // If it was the leader, it takes with it what it is told before another one is elected.
    await cluster.world.time.run(ELECTION_MS);
    for (let i = 0; i < commands; i++) await cluster.outcomeOf(cluster.submit(i % 2, `command ${i}`));
    cluster.start(2);
    await cluster.world.time.run(START_MS);
    expect(await cluster.catchUp(2, 2000)).toBe(true);
    expect(cluster.log(2)).toHaveLength(commands);
    expect(await cluster.outcomeOf(cluster.submit(2, 'after'))).toEqual({ kind: 'done', position: commands });
    await settle(cluster);
    cluster.crash(2);
    cluster.start(2);
    await settle(cluster);
  }

  test('a server that was away takes over the commands it missed', async () => {
    await absence(protocol, 100);
  });

  test('a server that was away for long takes over a snapshot', async () => {
    await absence(forgetful, 200);
  });

  test('servers that forget soon survive crashes and losses', async () => {
    await forEachSeed(10, async (seed) => {
      const chaos = {
        ...CALM,
        loss: 0.1,
        duplication: 0.1,
        slow: 0.1,
        slowMs: 500,
        crashMs: 300,
        downMs: 800,
        syncMs: 5,
      };
      const { crashes } = await runLoad(forgetful, { chaos, servers: 3, seed, durationMs: 4000 });
      expect(crashes).toBeGreaterThan(0);
    });
  });

  test('a restarted server that caught up shows all that it answered before', async () => {
    const cluster = await start(protocol, 3, 1);
    const { network, time } = cluster.world;
    network.rule = ({ method }) => (method === 'learner.learn' ? 'drop' : 'deliver');
    await cluster.outcomeOf(cluster.submit(0, 'x'));
    cluster.crash(0);
    cluster.start(0);
    await time.run(START_MS);
    expect(await cluster.catchUp(0, 2000)).toBe(true);
    expect(cluster.log(0)).toEqual(['x']);
  });

  test('a cluster that nobody can reach is not caught up with', async () => {
    const cluster = await start(protocol, 3, 1);
    cluster.crash(1);
    cluster.crash(2);
    expect(await cluster.catchUp(0, 500)).toBe(false);
  });
}

function describeReads(protocol: Protocol): void {
  test('a linearizable read sees every write that was answered before it', async () => {
    await forEachSeed(10, async (seed) => {
      const servers = SIZES[seed % 4]!;
      const cluster = await start(protocol, servers, seed);
      const chaos = { ...CALM, loss: 0.2, slow: 0.2, slowMs: 100 };
      const { calm } = unleash(cluster, chaos);
      const random = cluster.world.random.fork('reads');
      const answered: string[] = [];
      let seen = 0;
      for (let i = 0; i < 10; i++) {
        const operation = cluster.submit(random.int(0, servers - 1), `command ${i}`);
        if ((await cluster.outcomeOf(operation)).kind === 'done') answered.push(operation.command);
        const log = await cluster.read(random.int(0, servers - 1), 20_000);
        expect(log).toEqual(expect.arrayContaining(answered));
        expect(log.length).toBeGreaterThanOrEqual(seen);
        seen = log.length;
      }
      calm();
      await settle(cluster);
      expect(answered.length).toBeGreaterThan(7);
    });
  });
}
