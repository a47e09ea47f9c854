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

/** Peers that know what this server knows, and what they were asked. */
function counted({ learner }: Rig): { asked: string[]; peer: (name: number) => LearnerService } {
  const asked: string[] = [];
  const peer = (name: number): LearnerService => ({
    learn: (message) => learner.learn(message),
    position: () => learner.position(),
    chosen: (request) => {
      asked.push(`${name} chosen`);
      return learner.chosen(request);
    },
    snapshot: (request) => {
      asked.push(`${name} snapshot`);
      return learner.snapshot(request);
    },
  });
  return { asked, peer };
}

test('who waits for the snapshot of a peer that falls silent then takes that of the next', async () => {
  const [behind, ahead] = [await rig(), await rig()];
  ahead.learner.learnAll(entries('a1', 'a2', 'a3', 'a4', 'a5', 'a6'));
  const { asked, peer } = counted(ahead);
  const silent = { ...peer(1), snapshot: () => new Promise<never>(() => undefined) };
  await repair(behind, 6, [silent, peer(2)], false);
  expect([behind.learner.applied, asked.includes('2 snapshot')]).toEqual([0, false]);
  await behind.world.time.run(4000);
  expect([behind.learner.applied, behind.machine.values.get('a')]).toEqual([6, '6']);
});

test('who is asked often while the snapshot of another one does not come is asked for its own once', async () => {
  const [behind, ahead] = [await rig(), await rig()];
  ahead.learner.learnAll(entries('a1', 'a2', 'a3', 'a4', 'a5', 'a6'));
  const { asked, peer } = counted(ahead);
  const silent = { ...peer(1), snapshot: () => new Promise<never>(() => undefined) };
  const catchUp = catchUpOf(behind, [silent, peer(2)], () => Promise.resolve());
  for (let repairs = 0; repairs < 5; repairs++) await behind.world.time.settled(catchUp.repair(6), 10_000);
  const before = asked.length;
  await behind.world.time.run(4000);
  expect(behind.learner.applied).toBe(6);
  // Whether it still has a state to give, the snapshot in pieces of 2 records, and whether there is more.
  expect(asked.slice(before).filter((call) => call.startsWith('2 '))).toEqual([
    '2 chosen',
    '2 snapshot',
    '2 chosen',
  ]);
});

test('who lacks a few slots takes them from the peer that has them, not the state of another one', async () => {
  const [ahead, restored, behind] = [await rig(), await rig(), await rig()];
  const all = entries('a1', 'a2', 'a3', 'a4', 'a5', 'a6');
  ahead.learner.learnAll(all);
  await restored.world.time.settled(restored.learner.install(6, [['a', '6']]), 100);
  behind.learner.learnAll(all.slice(0, 3));
  const others = [counted(restored), counted(ahead)];
  expect(
    await repair(
      behind,
      6,
      others.map(({ peer }, index) => peer(index)),
    ),
  ).toEqual([]);
  expect([behind.learner.applied, behind.learner.floor]).toEqual([6, 2]);
  expect(others.flatMap(({ asked }) => asked)).not.toContain('0 snapshot');
});

test('a snapshot that takes long to write stays in use, so that its server keeps the log after it', async () => {
  const options = { ...OPTIONS, offeredLog: { slots: 1000, characters: 100_000 } };
  const [ahead, behind] = [await rig(options), await rig(options)];
  const commands = Array.from({ length: 26 }, (_, n) => `${String.fromCharCode(97 + n)}1`);
  ahead.learner.learnAll(entries(...commands));
  behind.host.disk.syncMs = () => 1500;
  let offers = 0;
  const peer: LearnerService = {
    learn: (message) => ahead.learner.learn(message),
    position: () => ahead.learner.position(),
    chosen: (request) => ahead.learner.chosen(request),
    snapshot: (request) => {
      if (request.offer === null) offers++;
      return ahead.learner.snapshot(request);
    },
  };
  const repaired = catchUpOf(behind, [peer], () => Promise.resolve()).repair(26);
  const { time } = behind.world;
  let slot = 26;
  for (; behind.learner.applied < 26 && time.now < 60_000; slot++) {
    await time.run(500);
    await ahead.world.time.run(500);
    ahead.learner.learnAll([{ slot: slot + 1, value: valueOf(`a${slot + 1}`) }]);
  }
  await time.settled(repaired, 10_000);
  expect(time.now).toBeGreaterThan(12_000);
  expect(slot).toBeGreaterThan(26 + 20);
  expect(behind.learner.applied).toBeGreaterThan(26 + 20);
  expect(offers).toBe(1);
});
