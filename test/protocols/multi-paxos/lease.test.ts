import { expect, test } from '@jest/globals';
import type { LeaderLease } from '../../../src/core/replica';
import { Grant } from '../../../src/protocols/multi-paxos/lease';
import { Host } from '../../../src/simulation/host';
import { virtualWorld } from '../../../src/simulation/world';

const lease = (durationMs: number): LeaderLease => ({ durationMs, maxDrift: 0.01 });

/** One server's grants, from one start to the next, each with a lease of its own. */
function restarts(): {
  readonly start: (of: LeaderLease | undefined) => Promise<Grant>;
  readonly run: (forMs: number) => Promise<void>;
} {
  const world = virtualWorld([0, 1, 2], 1);
  const host = new Host(world, 0);
  return {
    start: async (of) => {
      if (host.isUp) host.crash(0);
      const environment = host.boot();
      const grant = new Grant(environment, of);
      for (const [key, value] of environment.storage.read()) grant.recover(key, value);
      await world.time.settled(grant.recovered(), 100);
      return grant;
    },
    run: (forMs) => world.time.run(forMs),
  };
}

test('a grant binds to its holder until it is over', async () => {
  const { start, run } = restarts();
  const grant = await start(lease(1000));
  expect(grant.forbids(1)).toBe(false);
  grant.renew(1);
  expect([grant.forbids(1), grant.forbids(2)]).toEqual([false, true]);
  await run(1001);
  expect(grant.forbids(2)).toBe(false);
});

test('after a restart nobody is elected for as long as the grants of before could last, whatever the lease is now', async () => {
  for (const now of [lease(3000), lease(500), undefined]) {
    const { start, run } = restarts();
    (await start(lease(3000))).renew(1);
    const grant = await start(now);
    grant.renew(1);
    await run(2900);
    expect([grant.forbids(1), grant.forbids(2)]).toEqual([true, true]);
    await run(600);
    expect(grant.forbids(1)).toBe(false);
  }
});

test('a shorter lease counts from the moment at which the longer ones are over, and not before', async () => {
  const { start, run } = restarts();
  (await start(lease(3000))).renew(1);
  await start(lease(500));
  await run(2000);
  const early = await start(lease(500));
  await run(2900);
  expect(early.forbids(1)).toBe(true);
  await run(200);
  const late = await start(lease(500));
  await run(510);
  expect(late.forbids(1)).toBe(false);
});

test('without a lease nothing is granted and nothing is waited for', async () => {
  const { start } = restarts();
  for (const grant of [await start(undefined), await start(undefined)]) {
    grant.renew(1);
    expect(grant.forbids(2)).toBe(false);
  }
});
