import { expect, test } from '@jest/globals';
import type { Environment } from '../../../src/core/environment';
import { RoundTrip } from '../../../src/core/round-trip';
import { CatchUp } from '../../../src/protocols/log/catch-up';
import type { LearnerService } from '../../../src/protocols/log/messages';
import { valueOf } from '../paxos/bench';
import { OPTIONS, entries, rig, type Rig } from './rig';

/** What repairs a server, with these peers to ask, in this order. */
function catchUpOf(
  { learner, world: { time } }: Rig,
  peers: readonly LearnerService[],
  fill: (slot: number) => Promise<void>,
): CatchUp<string, string> {
  return new CatchUp({
    environment: {
      self: 0,
      members: [0, ...peers.map((_, index) => index + 1)],
      clock: {
        now: () => time.now,
        after: (delayMs: number, run: () => void) => time.after(delayMs, run),
        sleep: (delayMs: number) => new Promise<void>((resolve) => time.after(delayMs, resolve)),
      },
      random: { float: () => 0.5 },
      trace: () => undefined,
      fail: () => undefined,
    } as unknown as Environment,
    learner,
    peers: new Map(peers.map((peer, index) => [index + 1, peer])),
    roundTrip: new RoundTrip(),
    options: OPTIONS,
    fill,
    highestAccepted: () => 0,
  });
}

/** Repairs a server up to a slot. Gives the slots that it had decided, which were decided only if they can be. */
async function repair(
  behind: Rig,
  target: number,
  peers: readonly LearnerService[],
  canFill = true,
): Promise<number[]> {
  const filled: number[] = [];
  const catchUp = catchUpOf(behind, peers, (slot) => {
    filled.push(slot);
    if (canFill) behind.learner.learnAll([{ slot, value: valueOf(`z${slot}`) }]);
    return Promise.resolve();
  });
  await behind.world.time.settled(catchUp.repair(target), 10_000);
  return filled;
}

test('who lacks only the first slot that a peer has dropped takes the snapshot of that peer', async () => {
  const [ahead, behind] = [await rig(), await rig()];
  ahead.learner.learnAll(entries('a1', 'a2', 'a3', 'a4', 'a5', 'a6'));
  expect(ahead.learner.floor).toBe(2);
  expect(await repair(behind, 6, [ahead.learner])).toEqual([]);
  expect([behind.learner.applied, behind.machine.values.get('a')]).toEqual([6, '6']);
});

test('a peer that knows nothing does not keep it from asking the next', async () => {
  const [behind, empty, ahead] = [await rig(), await rig(), await rig()];
  ahead.learner.learnAll(entries('a1', 'a2'));
  expect(await repair(behind, 2, [empty.learner, ahead.learner])).toEqual([]);
  expect(behind.learner.applied).toBe(2);
});

test('slots that nobody knows are decided, the last one too', async () => {
  const [behind, empty] = [await rig(), await rig()];
  behind.learner.learnAll([{ slot: 2, value: valueOf('a2') }]);
  expect(await repair(behind, 3, [empty.learner])).toEqual([1, 3]);
});

test('who waits for the snapshot of a peer that falls silent then takes that of the next', async () => {
  const [behind, ahead] = [await rig(), await rig()];
  ahead.learner.learnAll(entries('a1', 'a2', 'a3', 'a4', 'a5', 'a6'));
  const asked: number[] = [];
  const of = (peer: number): LearnerService => ({
    learn: (message) => ahead.learner.learn(message),
    position: () => ahead.learner.position(),
    chosen: (request) => ahead.learner.chosen(request),
    snapshot: (request) => {
      asked.push(peer);
      return peer === 1 ? new Promise(() => undefined) : ahead.learner.snapshot(request);
    },
  });
  await repair(behind, 6, [of(1), of(2)], false);
  expect([behind.learner.applied, new Set(asked)]).toEqual([0, new Set([1])]);
  await behind.world.time.run(4000);
  expect([behind.learner.applied, behind.machine.values.get('a')]).toEqual([6, '6']);
  expect(new Set(asked)).toEqual(new Set([1, 2]));
});

test('one question at a time goes to a peer that does not answer, however often it could help', async () => {
  const behind = await rig();
  let asked = 0;
  const silent = {
    learn: () => Promise.resolve(null),
    position: () => Promise.resolve({ applied: 9, highestChosen: 9 }),
    chosen: () => {
      asked++;
      return new Promise<never>(() => undefined);
    },
    snapshot: () => Promise.resolve({ kind: 'nothing' as const }),
  };
  const catchUp = catchUpOf(behind, [silent], () => Promise.resolve());
  for (let repairs = 0; repairs < 3; repairs++) await behind.world.time.settled(catchUp.repair(6), 10_000);
  expect(asked).toBe(1);
});
