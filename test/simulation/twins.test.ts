import { describe, expect, test } from '@jest/globals';
import { Host } from '../../src/simulation/host';
import { watch } from '../support/virtual-clock';
import { virtualWorld, type World } from '../../src/simulation/world';

/* What the simulator itself once had wrong, and what its clocks, pauses and crashes must do. */

function machine(): { world: World; host: Host } {
  const world = virtualWorld([0, 1], 1);
  return { world, host: new Host(world, 0) };
}

const put = (key: string): { key: string; value: string }[] => [{ key, value: key }];

describe('a paused machine', () => {
  test('does nothing, and then all that came up, in its order', async () => {
    const { world, host } = machine();
    const { clock, storage } = host.boot();
    const seen: string[] = [];
    void storage.write(put('a')).then(() => seen.push('written'));
    clock.after(1, () => seen.push('timer'));
    host.pause();
    await world.time.run(100);
    expect(seen).toEqual([]);
    host.resume();
    await world.time.run(1);
    expect(seen).toEqual(['written', 'timer']);
  });

  test('does not hear of a later write before an earlier one', async () => {
    const { world, host } = machine();
    const { storage, clock } = host.boot();
    const seen: string[] = [];
    clock.after(1, () => void storage.write([]).then(() => seen.push('nothing more to write')));
    await world.time.run(0.95);
    void storage.write(put('a')).then(() => seen.push('first write'));
    host.pause();
    await world.time.run(100);
    host.resume();
    await world.time.run(10);
    expect(seen).toEqual(['first write', 'nothing more to write']);
  });

  test('forgets what came up when it crashes', async () => {
    const { world, host } = machine();
    const seen: string[] = [];
    host.boot().clock.after(1, () => seen.push('timer'));
    host.pause();
    await world.time.run(10);
    host.crash();
    host.resume();
    await world.time.run(10);
    expect(seen).toEqual([]);
  });
});

describe('a crashed machine', () => {
  test('writes nothing any more, although its code runs to the next await', async () => {
    const { world, host } = machine();
    const { storage } = host.boot();
    host.crash();
    storage.defer(put('deferred'));
    void storage.write(put('written'));
    host.boot();
    await world.time.run(100);
    expect([...host.disk.storage().read()]).toEqual([]);
  });

  test('that crashes as one of several writes is durable keeps a beginning of them', async () => {
    const { world, host } = machine();
    const { storage } = host.boot();
    let synced = 0;
    host.disk.onPoint = (point) => {
      if (point === 'write-durable' && ++synced === 2) host.crash(0);
    };
    host.disk.syncMs = () => 5;
    for (const key of ['a', 'b', 'c', 'd']) void storage.write(put(key));
    await world.time.run(100);
    expect([...host.disk.storage().read()].map(([key]) => key)).toEqual(['a', 'b']);
  });

  test('does not answer what it was asked before', async () => {
    const { world, host } = machine();
    const { transport } = new Host(world, 1).boot();
    host.boot().transport.listen(() => {
      host.crash();
      return Promise.resolve('answer');
    });
    const call = transport.call(0, 'some.method', {}, { timeoutMs: 50, lane: 'vote' });
    await expect(world.time.settled(call, 100)).rejects.toThrow('got no answer');
  });
});

describe('a machine has a clock of its own', () => {
  test('that runs faster or slower, timers too', async () => {
    const { world, host } = machine();
    const { clock } = host.boot();
    host.setClockRate(2);
    let firedAt = 0;
    clock.after(100, () => (firedAt = world.time.now));
    await world.time.run(80);
    expect(firedAt).toBe(50);
    expect(clock.now()).toBeCloseTo(160);
    host.setClockRate(0.5);
    await world.time.run(10);
    expect(clock.now()).toBeCloseTo(165);
  });

  test('that leaps forward', () => {
    const { host } = machine();
    const { clock } = host.boot();
    host.jumpClock(1000);
    expect(clock.now()).toBe(1000);
  });

  test('whose smallest steps still move the world on', async () => {
    const { world, host } = machine();
    await world.time.run(1e7);
    const { clock } = host.boot();
    let rounds = 0;
    const wait = (): void => {
      rounds++;
      clock.after(1e-13, wait);
    };
    wait();
    await world.time.run(0.1);
    expect(rounds).toBeLessThan(1000);
  });
});

test('a disk whose sync failed fails every write, and its server is told once', async () => {
  const { world, host } = machine();
  const { storage } = host.boot();
  const told: string[] = [];
  host.disk.onFailed = (error) => told.push(error.message);
  host.disk.failNextSync(false);
  const writes = [put('a'), put('b')].map((changes) => watch(storage.write(changes)));
  await world.time.run(10);
  expect(writes.map(({ error }) => error?.message)).toEqual(Array(2).fill('the disk failed a sync'));
  await expect(storage.write([])).rejects.toThrow('failed a sync');
  expect(told).toHaveLength(1);
  expect([...storage.read()]).toEqual([]);
});
