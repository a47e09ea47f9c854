import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Rounds } from '../../../src/protocols/log/rounds';
import { Host } from '../../../src/simulation/host';
import { virtualWorld, type World } from '../../../src/simulation/world';

interface Rig {
  readonly world: World;
  readonly host: Host;
  readonly boot: () => Rounds;
}

function rig(): Rig {
  const world = virtualWorld([0], 1);
  const host = new Host(world, 0);
  return {
    world,
    host,
    boot: () => {
      const { storage } = host.boot();
      const rounds = new Rounds(storage);
      for (const [key, value] of storage.read()) rounds.recover(key, value);
      return rounds;
    },
  };
}

test('rounds grow and pass every round seen', async () => {
  const { world, boot } = rig();
  const rounds = boot();
  const next = (seen: number): Promise<number> => world.time.settled(rounds.next(seen), 100);
  expect(await next(0)).toBe(1);
  expect(await next(0)).toBe(2);
  expect(await next(41)).toBe(42);
  expect(await next(7)).toBe(43);
  expect(await next(1_000_000)).toBe(1_000_001);
});

test('no round is used before its reservation is durable, not even by another caller', async () => {
  const { world, host, boot } = rig();
  const rounds = boot();
  const resume = host.disk.stall();
  const used: number[] = [];
  for (let i = 0; i < 3; i++) void rounds.next(0).then((round) => used.push(round));
  void rounds.next(5000).then((round) => used.push(round));
  await world.time.run(100);
  expect(used).toEqual([]);
  resume();
  await world.time.run(1);
  expect(used).toEqual([1, 2, 3, 5001]);
});

test('most rounds cost no write', async () => {
  const { world, host, boot } = rig();
  const rounds = boot();
  await world.time.settled(rounds.next(0), 100);
  host.disk.stall();
  for (let round = 2; round <= 1001; round++)
    expect(await world.time.settled(rounds.next(0), 100)).toBe(round);
  expect(host.disk.pendingWrites).toBe(0);
});

test('no round comes twice, in whatever incarnation', async () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('next' as const), seen: fc.nat({ max: 3000 }) }),
      fc.record({ kind: fc.constant('wait' as const) }),
      fc.record({ kind: fc.constant('crash' as const), kept: fc.nat({ max: 2 }) }),
    ),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const { world, host, boot } = rig();
      let rounds = boot();
      const used: number[] = [];
      for (const step of history) {
        if (step.kind === 'next')
          void rounds.next(step.seen).then((round) => {
            expect(round).toBeGreaterThan(step.seen);
            used.push(round);
          });
        else if (step.kind === 'wait') await world.time.run(1);
        else {
          host.crash(step.kept);
          rounds = boot();
        }
      }
      await world.time.run(10);
      expect(new Set(used).size).toBe(used.length);
    }),
    { numRuns: 300 },
  );
});
