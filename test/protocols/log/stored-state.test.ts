import { describe, expect, test } from '@jest/globals';
import type { Change, Environment, Storage } from '../../../src/core/environment';
import type { Json } from '../../../src/core/json';
import type { StateRecord } from '../../../src/core/state-machine';
import { Learner } from '../../../src/protocols/log/learner';
import { StoredState } from '../../../src/protocols/log/stored-state';
import { Host } from '../../../src/simulation/host';
import { virtualWorld } from '../../../src/simulation/world';
import { valueOf } from '../paxos/bench';
import { OPTIONS, Registers, entries } from './rig';

type Content = ReadonlyMap<string, Json>;

/** Remembers each write, so that a test can go back to what any prefix of them left. */
class RecordedStorage implements Storage {
  readonly writes: (readonly Change[])[] = [];
  readonly #start: Content;
  /** Called with each write, before it is durable. */
  onWrite: (changes: readonly Change[]) => void = () => undefined;

  constructor(start: Content = new Map()) {
    this.#start = start;
  }

  async write(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    this.writes.push(changes);
    this.onWrite(changes);
    // As long as a disk, of the microtask kind.
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }

  defer(changes: readonly Change[]): void {
    void this.write(changes);
  }

  read(): Iterable<readonly [string, Json]> {
    return [...this.after(this.writes.length)].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** What a crash leaves that loses all but the first `count` writes. */
  after(count: number): Content {
    const content = new Map(this.#start);
    for (const changes of this.writes.slice(0, count))
      for (const { key, value } of changes) {
        if (value === undefined) content.delete(key);
        else content.set(key, value);
      }
    return content;
  }

  /** The largest number of records that one write puts or deletes. */
  get largestWrite(): number {
    const ofState = ({ key }: Change): boolean => key.startsWith('learner/state');
    return Math.max(0, ...this.writes.map((changes) => changes.filter(ofState).length));
  }
}

interface Started {
  readonly storage: RecordedStorage;
  readonly machine: Registers;
  readonly learner: Learner<string, string>;
  readonly errors: unknown[];
}

/** A learner on what a crash left, recovered, and with nothing left to write. */
async function start(content?: Content, initial: readonly StateRecord[] = []): Promise<Started> {
  const storage = new RecordedStorage(content);
  const errors: unknown[] = [];
  const environment: Environment = {
    ...new Host(virtualWorld([0], 1), 0).boot(),
    storage,
    fail: (error) => errors.push(error),
    trace: () => undefined,
  };
  const machine = new Registers();
  machine.restore(initial);
  const learner = new Learner(environment, machine, OPTIONS);
  for (const [key, value] of storage.read()) learner.recover(key, value);
  await learner.recovered();
  await settled();
  return { storage, machine, learner, errors };
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

function stateOf({ machine, learner }: Started): string {
  return JSON.stringify([learner.applied, [...machine.values].sort()]);
}

/** Of records, wherever they lie. */
function recordKeys(storage: RecordedStorage): string[] {
  return [...storage.read()].map(([key]) => key).filter((key) => key.startsWith('learner/state'));
}

function registers(names: string, value: string): StateRecord[] {
  return names.split('').map((name) => [name, value]);
}

const INITIAL = registers('abcdefg', '0');
const SNAPSHOT = registers('abcdexyz', '9');

/** Starts from what each prefix of the writes left, and from each prefix of what that start wrote. */
async function crashAnywhere(
  storage: RecordedStorage,
  from: number,
  initial: readonly StateRecord[],
  check: (started: Started, kept: number) => void,
): Promise<number> {
  let crashes = 0;
  for (let kept = from; kept <= storage.writes.length; kept++) {
    const once = await start(storage.after(kept), initial);
    check(once, kept);
    for (let again = 0; again <= once.storage.writes.length; again++, crashes++)
      check(await start(once.storage.after(again), initial), kept);
  }
  return crashes;
}

describe('a state is stored in pieces', () => {
  test('the initial one: a crash in between leaves a first start, with whatever it begins with', async () => {
    const first = await start(undefined, INITIAL);
    expect([stateOf(first), recordKeys(first.storage).length]).toEqual([
      '[0,' + JSON.stringify(INITIAL) + ']',
      7,
    ]);
    expect([first.storage.writes.length, first.storage.largestWrite]).toEqual([5, 2]);
    const others = registers('pq', '5');
    const seen = new Set<string>();
    const crashes = await crashAnywhere(first.storage, 0, others, (started, kept) => {
      const expected = kept === first.storage.writes.length ? INITIAL : others;
      expect(stateOf(started)).toBe(JSON.stringify([0, expected]));
      expect(recordKeys(started.storage)).toHaveLength(expected.length);
      seen.add(stateOf(started));
    });
    expect([seen.size, crashes > 10]).toEqual([2, true]);
  });

  test('an installed one: a crash anywhere leaves the old state or the new one, and nothing else', async () => {
    const started = await start(undefined, INITIAL);
    const { learner, storage } = started;
    learner.learnAll(entries('a1', 'h2', 'b3'));
    await settled();
    const before = stateOf(started);
    const writes = storage.writes.length;
    await learner.install(9, SNAPSHOT);
    await settled();
    const after = stateOf(started);
    expect(after).toBe(JSON.stringify([9, SNAPSHOT]));
    expect(recordKeys(storage)).toHaveLength(SNAPSHOT.length);
    expect(storage.largestWrite).toBe(2);
    const seen: string[] = [];
    const crashes = await crashAnywhere(storage, writes, [], (again, kept) => {
      expect([before, after]).toContain(stateOf(again));
      expect(recordKeys(again.storage)).toHaveLength(again.machine.values.size);
      expect([again.learner.floor, again.errors]).toEqual([again.learner.applied === 9 ? 10 : 1, []]);
      seen[kept] = stateOf(again);
    });
    const order = seen.filter((state, i) => state !== seen[i - 1]);
    expect([order, crashes > 20]).toEqual([[before, after], true]);
  });

  test('the switch is one small write, after all pieces', async () => {
    const { learner, storage } = await start(undefined, INITIAL);
    const writes = storage.writes.length;
    await learner.install(9, SNAPSHOT);
    await settled();
    const keys = storage.writes.slice(writes).map((changes) => changes.map(({ key }) => key.split('/')[1]));
    expect(keys).toEqual([
      ...Array.from({ length: 4 }, () => ['state-2', 'state-2']),
      ['generation', 'applied', 'floor'],
      ...Array.from({ length: 3 }, () => ['state-1', 'state-1']),
      ['state-1'],
    ]);
  });
});

describe('while a snapshot is written', () => {
  /** Installs, and does something when the second piece is on its way to the disk. */
  async function meanwhile(act: (started: Started) => void): Promise<Started> {
    const started = await start(undefined, INITIAL);
    const { learner, storage } = started;
    let pieces = 0;
    storage.onWrite = (changes) => {
      if (changes[0]?.key.startsWith('learner/state-2/') === true && ++pieces === 2) act(started);
    };
    await learner.install(9, SNAPSHOT);
    await settled();
    expect(pieces).toBeGreaterThan(1);
    return started;
  }

  async function restarted({ storage }: Started): Promise<Started> {
    const again = await start(storage.after(storage.writes.length));
    expect(recordKeys(again.storage)).toHaveLength(again.machine.values.size);
    return again;
  }

  test('slots are learned and checkpoints written: those above the snapshot are applied on it', async () => {
    const started = await meanwhile(({ learner, machine }) => {
      learner.learnAll(entries('a1', 'h2'));
      learner.learnAll([{ slot: 10, value: valueOf('z10') }]);
      expect([learner.applied, machine.values.get('h')]).toEqual([2, '2']);
    });
    const expected = JSON.stringify([10, [...registers('abcdexy', '9'), ['z', '10']]]);
    expect(stateOf(started)).toBe(expected);
    expect(stateOf(await restarted(started))).toBe(expected);
  });

  test('the log may get past it: then it is dropped, from the disk too', async () => {
    const started = await meanwhile(({ learner }) => {
      learner.learnAll(entries('a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'a9'));
    });
    const expected = JSON.stringify([9, [['a', '9'], ...registers('bcdefg', '0')]]);
    expect(stateOf(started)).toBe(expected);
    expect(recordKeys(started.storage)).toHaveLength(INITIAL.length);
    expect(stateOf(await restarted(started))).toBe(expected);
  });

  test.each([
    ['a later one holds', 12],
    ['an earlier one is dropped', 5],
  ])('another one is installed: %s', async (_, slot) => {
    let second: Promise<void> | undefined;
    const started = await meanwhile(({ learner }) => {
      second = learner.install(slot, registers('abc', `${slot}`));
    });
    await second;
    await settled();
    const expected = slot > 9 ? [slot, registers('abc', `${slot}`)] : [9, SNAPSHOT];
    expect(stateOf(started)).toBe(JSON.stringify(expected));
    expect(stateOf(await restarted(started))).toBe(JSON.stringify(expected));
  });
});

describe('a folder of version 0.1, which has no generations', () => {
  const OLD: Content = new Map<string, Json>([
    ['learner/applied', 3],
    ['learner/floor', 2],
    ...registers('abc', '3').map(([key, value]) => [`learner/state/${key}`, value] as const),
  ]);

  test('opens, goes on under its own keys, and takes a snapshot', async () => {
    const started = await start(OLD);
    expect(stateOf(started)).toBe(JSON.stringify([3, registers('abc', '3')]));
    started.learner.learnAll([{ slot: 4, value: valueOf('d4') }]);
    await settled();
    expect(recordKeys(started.storage)).toEqual(['a', 'b', 'c', 'd'].map((key) => `learner/state/${key}`));
    const again = await start(started.storage.after(started.storage.writes.length));
    expect(stateOf(again)).toBe(JSON.stringify([4, [...registers('abc', '3'), ['d', '4']]]));
    await again.learner.install(9, SNAPSHOT);
    await settled();
    expect(recordKeys(again.storage)).toEqual(SNAPSHOT.map(([key]) => `learner/state-1/${key}`));
    const last = await start(again.storage.after(again.storage.writes.length));
    expect(stateOf(last)).toBe(JSON.stringify([9, SNAPSHOT]));
  });

  test('a crash while it takes its first snapshot leaves the old state or the new one', async () => {
    const { learner, storage, ...parts } = await start(OLD);
    const before = stateOf({ learner, storage, ...parts });
    await learner.install(9, SNAPSHOT);
    await settled();
    const seen = new Set<string>();
    await crashAnywhere(storage, 0, [], (again) => {
      expect(recordKeys(again.storage)).toHaveLength(again.machine.values.size);
      seen.add(stateOf(again));
    });
    expect([...seen]).toEqual([before, JSON.stringify([9, SNAPSHOT])]);
  });
});

test('a generation has its number once all of it is durable, and not before', async () => {
  const settle: (() => void)[] = [];
  const storage = { write: () => new Promise<void>((resolve) => settle.push(resolve)) };
  let generation: number | undefined;
  void new StoredState(storage as unknown as Storage, OPTIONS)
    .write(registers('abc', '1'))
    .then((number) => (generation = number));
  for (const pieces of [1, 2]) {
    await settled();
    expect([settle.length, generation]).toEqual([pieces, undefined]);
    settle.at(-1)!();
  }
  await settled();
  expect(generation).toBe(1);
});
