import { expect, test } from '@jest/globals';
import type { Environment } from '../../../src/core/environment';
import { RoundTrip } from '../../../src/core/round-trip';
import { CatchUp } from '../../../src/protocols/log/catch-up';
import type { Learner } from '../../../src/protocols/log/learner';
import { valueOf } from '../paxos/bench';
import { OPTIONS, entries, rig, type Rig } from './rig';

/** Repairs a server up to a slot, with these peers to ask, in this order. Gives the slots that it had decided. */
async function repair(
  { learner, world: { time } }: Rig,
  target: number,
  peers: readonly Learner<string, string>[],
): Promise<number[]> {
  const filled: number[] = [];
  const catchUp = new CatchUp({
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
    fill: (slot) => {
      filled.push(slot);
      learner.learnAll([{ slot, value: valueOf(`z${slot}`) }]);
      return Promise.resolve();
    },
    highestAccepted: () => 0,
  });
  await time.settled(catchUp.repair(target), 10_000);
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
