import { expect, test } from '@jest/globals';
import type { StateMachine } from '../../../src/core/state-machine';
import { Learner } from '../../../src/protocols/log/learner';
import type { Value } from '../../../src/protocols/log/messages';
import { Host } from '../../../src/simulation/host';
import { virtualWorld } from '../../../src/simulation/world';
import { valueOf } from '../paxos/bench';
import { OPTIONS, Registers, entries, rig } from './rig';

/** A learner of large values, of which three fit in its log, and that makes a checkpoint after so many. */
async function learnerOfLargeValues(
  checkpointSlots: number,
): Promise<{ learner: Learner<{ text: string }, null>; value: (id: string) => Value }> {
  const world = virtualWorld([0], 1);
  const environment = { ...new Host(world, 0).boot(), trace: () => undefined };
  const machine: StateMachine<{ text: string }, null> = {
    apply: () => null,
    takeChanges: () => [],
    snapshot: () => [],
    restore: () => undefined,
  };
  const learner = new Learner(environment, machine, { ...OPTIONS, checkpointSlots });
  await world.time.settled(learner.recovered(), 100);
  return { learner, value: (id) => ({ id, command: { text: 'x'.repeat(300) } }) };
}

test('a value that is learned again counts once', async () => {
  const { learner, value } = await learnerOfLargeValues(1);
  for (let i = 0; i < 10; i++) learner.learnAll([{ slot: 2, value: value('b') }]);
  learner.learnAll([{ slot: 1, value: value('a') }]);
  expect([learner.applied, learner.floor]).toEqual([2, 1]);
});

test('the log is cut at a checkpoint, and not between two', async () => {
  const { learner, value } = await learnerOfLargeValues(8);
  const floors: number[] = [];
  for (let slot = 1; slot <= 8; slot++) {
    learner.learnAll([{ slot, value: value(String(slot)) }]);
    floors.push(learner.floor);
  }
  expect(floors.slice(0, 7)).toEqual(Array.from({ length: 7 }, () => 1));
  expect(floors[7]).toBeGreaterThan(1);
});

test('what is dropped is not learned again', async () => {
  const { learner } = await rig();
  learner.learnAll(entries('a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7'));
  expect(learner.floor).toBe(3);
  learner.learnAll(entries('a1', 'a2'));
  expect([learner.chosenIn(1), learner.chosenIn(2), learner.chosenIn(3)?.id]).toEqual([
    undefined,
    undefined,
    valueOf('a3').id,
  ]);
});

test('whoever waits for a slot waits until it is applied, by a snapshot too', async () => {
  const { learner, world } = await rig();
  const woken: number[] = [];
  for (const slot of [2, 9])
    void learner.until(() => learner.applied >= slot, 1e6).then(() => woken.push(slot));
  learner.learnAll(entries('a1'));
  await world.time.run(10);
  expect(woken).toEqual([]);
  learner.learnAll([{ slot: 2, value: valueOf('a2') }]);
  await world.time.run(10);
  expect(woken).toEqual([2]);
  await world.time.settled(learner.install(9, [['a', '9']]), 100);
  await world.time.run(10);
  expect(woken).toEqual([2, 9]);
});

test('its position tells of slots above a hole too', async () => {
  const { learner } = await rig();
  learner.learnAll([{ slot: 3, value: valueOf('a3') }]);
  expect(await learner.position()).toEqual({ applied: 0, highestChosen: 3 });
});

test('what is applied between two checkpoints is there again after a crash', async () => {
  const world = virtualWorld([0], 1);
  const host = new Host(world, 0);
  const start = async (): Promise<Learner<string, string>> => {
    const environment = { ...host.boot(), trace: () => undefined };
    const learner = new Learner(environment, new Registers(), {
      ...OPTIONS,
      checkpointSlots: 8,
      storesChosen: true,
    });
    for (const [key, stored] of environment.storage.read()) learner.recover(key, stored);
    await world.time.settled(learner.recovered(), 100);
    return learner;
  };
  (await start()).learnAll(entries('a1', 'a2', 'a3'));
  await world.time.run(50);
  host.crash();
  expect((await start()).applied).toBe(3);
});
