import { describe, expect, test } from '@jest/globals';
import type { Change } from '../../../src/core/environment';
import { InvariantViolation } from '../../../src/core/invariant';
import { RoundTrip } from '../../../src/core/round-trip';
import { CatchUp } from '../../../src/protocols/log/catch-up';
import { Learner } from '../../../src/protocols/log/learner';
import type { LearnerService } from '../../../src/protocols/log/messages';
import { Host } from '../../../src/simulation/host';
import { virtualWorld } from '../../../src/simulation/world';
import { valueOf } from '../paxos/bench';
import { OPTIONS, entries, rig } from './rig';

describe('learning', () => {
  test('in slot order, each slot once, whatever the order of arrival', async () => {
    const { learner, machine } = await rig();
    const [first, second, third] = entries('a1', 'a2', 'a3');
    const expectations = [first!, second!, third!].map(({ value }) => learner.expect(value.id));
    await learner.learn(third!);
    await learner.learn(second!);
    expect([learner.applied, learner.highestChosen, learner.knows(3), learner.knows(1)]).toEqual([
      0,
      3,
      true,
      false,
    ]);
    await learner.learn(first!);
    await learner.learn(second!);
    await Promise.resolve();
    expect(learner.applied).toBe(3);
    expect(expectations.map(({ outcome }) => outcome)).toEqual([
      { result: '' },
      { result: '1' },
      { result: '2' },
    ]);
    expect(machine.values.get('a')).toBe('3');
  });

  test('of a value that was chosen twice the first result counts', async () => {
    const { learner } = await rig();
    const [first, second] = entries('a1', 'a2');
    const expectation = learner.expect(first!.value.id);
    learner.learnAll([first!, second!, { slot: 3, value: first!.value }]);
    expect([learner.applied, expectation.outcome]).toEqual([3, { result: '' }]);
  });

  test('the no-op takes its slot and changes nothing', async () => {
    const { learner, machine } = await rig();
    learner.learnAll([{ slot: 1, value: { id: 'noop', command: null } }]);
    expect([learner.applied, machine.values.size]).toEqual([1, 0]);
  });

  test('two values for one slot stop the server', async () => {
    const { learner } = await rig();
    learner.learnAll([{ slot: 2, value: valueOf('a1') }]);
    expect(() => {
      learner.learnAll([{ slot: 2, value: valueOf('a2') }]);
    }).toThrow(InvariantViolation);
  });

  test('state, applied slot and log come back together after a crash', async () => {
    const parts = await rig();
    parts.learner.learnAll(entries('a1', 'b2', 'a3'));
    await parts.world.time.run(50);
    parts.learner.learnAll([{ slot: 4, value: valueOf('c4') }]);
    await parts.restart();
    const { learner, machine } = parts;
    expect([...machine.values]).toEqual([
      ['a', '3'],
      ['b', '2'],
    ]);
    expect([learner.applied, learner.floor]).toEqual([3, 1]);
    expect(learner.chosenIn(2)).toEqual(valueOf('b2'));
    expect((await learner.chosen({ from: 2 })).entries.map(({ slot }) => slot)).toEqual([2, 3]);
  });

  test('a long backlog above one hole is applied, and all of it becomes durable', async () => {
    const parts = await rig();
    const count = 60_000;
    const backlog = entries(...Array.from({ length: count }, (_, i) => `k${i}`));
    parts.learner.learnAll(backlog.slice(1));
    expect(parts.learner.applied).toBe(0);
    parts.learner.learnAll(backlog.slice(0, 1));
    expect(parts.learner.applied).toBe(count);
    await parts.world.time.run(50);
    await parts.restart();
    expect([parts.learner.applied, parts.machine.values.get('k')]).toEqual([count, `${count - 1}`]);
  });

  test('a command that cannot be applied stops the server: what follows would not fit', async () => {
    const parts = await rig();
    parts.machine.apply = () => {
      throw new RangeError('no');
    };
    expect(() => {
      parts.learner.learnAll(entries('a1'));
    }).toThrow(InvariantViolation);
  });

  test('the log is cut, with the votes, when it is too long', async () => {
    const parts = await rig();
    const floors: number[] = [];
    parts.learner.onTruncate((floor) => {
      floors.push(floor);
      return [{ key: `cut ${floor}`, value: true }];
    });
    parts.learner.learnAll(entries('a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7'));
    // Two slots at a time are applied: up to 6 the log holds one too many, up to 7 another.
    expect([parts.learner.floor, floors]).toEqual([3, [2, 3]]);
    await parts.world.time.run(50);
    const keys = [...parts.host.boot().storage.read()].map(([key]) => key);
    expect(keys).toContain('cut 3');
    expect(keys.filter((key) => key.startsWith('learner/chosen/'))).toHaveLength(5);
  });
});

test('a peer that knows another value for a slot is not taken for a silent one: the server stops', async () => {
  const parts = await rig();
  const { learner, world } = parts;
  learner.learnAll([{ slot: 2, value: valueOf('a2') }]);
  const peer: LearnerService = {
    learn: () => Promise.resolve(null),
    position: () => Promise.resolve({ applied: 0, highestChosen: 2 }),
    chosen: () => Promise.resolve({ floor: 1, entries: [{ slot: 2, value: valueOf('a3') }] }),
    snapshot: () => Promise.reject(new Error('not asked for')),
  };
  const catchUp = new CatchUp({
    environment: new Host(world, 0).boot(),
    learner,
    peers: new Map([[1, peer]]),
    roundTrip: new RoundTrip(),
    options: OPTIONS,
    fill: () => Promise.resolve(),
    highestAccepted: () => 0,
  });
  await expect(world.time.settled(catchUp.repair(2), 1000)).rejects.toThrow('one value is chosen in slot 2');
});

test('large values are stored after a few of them, however many slots a checkpoint is for', () => {
  const applied: unknown[] = [];
  const environment = {
    ...new Host(virtualWorld([0], 1), 0).boot(),
    storage: {
      write: () => Promise.resolve(),
      defer: (changes: readonly Change[]) => {
        applied.push(...changes.filter(({ key }) => key === 'learner/applied').map(({ value }) => value));
      },
      read: () => [],
    },
    trace: () => undefined,
  };
  const machine = { apply: () => '', takeChanges: () => [], snapshot: () => [], restore: () => undefined };
  const options = { ...OPTIONS, checkpointSlots: 4096, pieceSlots: 1000, storesChosen: false };
  const learner = new Learner<Record<string, string>, string>(environment, machine, options);
  const command = { value: 'v'.repeat(1024 * 1024) };
  learner.learnAll(
    Array.from({ length: 30 }, (_, i) => ({ slot: i + 1, value: { id: `0.1.${i}`, command } })),
  );
  expect(learner.applied).toBe(30);
  expect(applied).toEqual([9, 18, 27]);
});
