import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Json } from '../../src/core/json';
import type { Command } from '../../src/kv/commands';
import { WINDOW } from '../../src/kv/sessions';
import { KeyValueStore } from '../../src/kv/store';

/** What is on disk: the changes taken so far, in their order. And the store that lives on it. */
interface Real {
  store: KeyValueStore;
  readonly steady: KeyValueStore;
  readonly records: Map<string, Json>;
}
interface Model {
  slot: number;
}
type Step = fc.Command<Model, Real>;

const key = fc.constantFrom(
  'a',
  'b',
  '__proto__',
  'constructor',
  '',
  '\0',
  'session/0000000000000001/c',
  'entry/a',
);
const value = fc.constantFrom('', '1', '2', '𝒳');
const session = fc.option(
  fc.record({
    client: fc.constantFrom('c', 'd', 'entry/', '__proto__'),
    sequence: fc.integer({ min: 1, max: WINDOW + 10 }),
  }),
);
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ op: fc.constant('put' as const), key, value, session }),
  fc.record({ op: fc.constant('delete' as const), key, session }),
  fc.record({
    op: fc.constant('compareAndSet' as const),
    key,
    expect: fc.option(value),
    value: fc.option(value),
    session,
  }),
);

class Apply implements Step {
  readonly command: Command;
  constructor(applied: Command) {
    this.command = applied;
  }
  check(): boolean {
    return true;
  }
  run(model: Model, real: Real): void {
    const slot = ++model.slot;
    expect(real.store.apply(this.command, slot)).toEqual(real.steady.apply(this.command, slot));
    expect([real.store.digest, real.store.size]).toEqual([real.steady.digest, real.steady.size]);
  }
  toString(): string {
    return JSON.stringify(this.command);
  }
}

/** Applied to the records, the changes give the snapshot. */
class TakeChanges implements Step {
  check(): boolean {
    return true;
  }
  run(_model: Model, real: Real): void {
    for (const { key: name, value: changed } of real.store.takeChanges()) {
      if (changed === undefined) real.records.delete(name);
      else real.records.set(name, changed);
    }
    expect(real.records).toEqual(new Map(real.store.snapshot()));
    expect(real.store.takeChanges()).toEqual([]);
  }
  toString(): string {
    return 'takeChanges';
  }
}

/** A restart: the records come back in key order and through JSON. */
class Restart implements Step {
  check(): boolean {
    return true;
  }
  run(model: Model, real: Real): void {
    new TakeChanges().run(model, real);
    const sorted = [...real.records].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    real.store = new KeyValueStore([['left over', 'from prepopulate']]);
    real.store.restore(JSON.parse(JSON.stringify(sorted)) as [string, Json][]);
    expect(real.store.takeChanges()).toEqual([]);
    expect(new Map(real.store.snapshot())).toEqual(new Map(real.steady.snapshot()));
    expect(real.store.digest).toBe(real.steady.digest);
  }
  toString(): string {
    return 'restart';
  }
}

test('what is taken as changes is what a snapshot holds, and a restored store goes on like the first', () => {
  fc.assert(
    fc.property(
      fc.commands(
        [
          command.map((applied) => new Apply(applied)),
          command.map((applied) => new Apply(applied)),
          fc.constant(new TakeChanges()),
          fc.constant(new Restart()),
        ],
        { maxCommands: 60 },
      ),
      (steps) => {
        fc.modelRun(() => ({ model: { slot: 0 }, real: newReal() }), steps);
      },
    ),
    { numRuns: 300 },
  );
});

function newReal(): Real {
  const initial: [string, string][] = [
    ['a', 'initial'],
    ['__proto__', 'initial'],
  ];
  const steady = new KeyValueStore(initial);
  steady.takeChanges();
  return { store: new KeyValueStore(initial), steady, records: new Map() };
}

test('a snapshot stays as it was while the store goes on', () => {
  const store = new KeyValueStore([['a', '1']]);
  const snapshot = store.snapshot();
  const before = JSON.stringify(snapshot);
  store.apply({ op: 'put', key: 'a', value: '2', session: { client: 'c', sequence: 1 } }, 1);
  store.apply({ op: 'put', key: 'b', value: '2', session: null }, 2);
  expect(JSON.stringify(snapshot)).toBe(before);
});
