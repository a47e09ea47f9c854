import { describe, expect, test } from '@jest/globals';
import { EXHIBITS } from '../../../src/simulation/museum/exhibits';
import { loadMutant } from '../../../src/simulation/museum/mutant';
import { FINDS } from '../../../src/simulation/search/finds';
import { replaySchedule, search, type SearchOptions } from '../../../src/simulation/search/search';

interface Searching {
  readonly search: typeof search;
  readonly replaySchedule: typeof replaySchedule;
}

function withMistake(id: string): Searching {
  const exhibit = EXHIBITS.find((each) => each.id === id);
  if (exhibit === undefined) throw new Error(`the museum has no ${id}`);
  return loadMutant(['simulation/search/search.ts'], exhibit.edits)[0] as Searching;
}

test.each(FINDS)('$id is found with $options', async ({ id, options, shows }) => {
  const mutant = withMistake(id);
  const { counterexample } = await mutant.search({ ...options, schedules: 2000 });
  const { schedule, violation, foundChoices } = counterexample!;
  expect(violation).toMatch(new RegExp(shows.join('|')));
  expect(schedule.length).toBeLessThanOrEqual(foundChoices);
  const again = await mutant.replaySchedule(options, schedule);
  expect(again).toMatchObject({ schedule, violation });
  const shipped = await replaySchedule(options, schedule);
  expect(shipped.violation).toBeUndefined();
});

describe('the shipped code', () => {
  const SHAPES: readonly (readonly [string, Partial<SearchOptions>])[] = [
    ['nothing but late and lost messages', {}],
    ['several ballots, crashes and duplicates', { timers: 3, resends: true, crashes: 2, duplicates: 2 }],
    ['three proposers, four acceptors and a no-op', { proposers: 3, acceptors: 4, noop: true, timers: 1 }],
  ];
  for (const strategy of ['random', 'adversarial', 'systematic'] as const)
    test.each(SHAPES)(`passes the ${strategy} strategy with %s`, async (_, shape) => {
      const report = await search({ ...shape, strategy, schedules: 300, seed: 7 });
      expect(report).toMatchObject({ verdict: 'clean', schedules: 300, counterexample: undefined });
      expect(report.chosen).toBeGreaterThan(0);
    });
});

test('one seed gives one report, another seed another', async () => {
  const options = { strategy: 'random', schedules: 50, timers: 2, crashes: 1 } as const;
  const [first, second, other] = [
    await search({ ...options, seed: 3 }),
    await search({ ...options, seed: 3 }),
    await search({ ...options, seed: 4 }),
  ];
  expect(second).toEqual(first);
  expect(other.choices).not.toBe(first.choices);
});

test('a search in which nothing can be chosen is not passed', async () => {
  const unheard = {
    file: 'protocols/paxos/acceptor.ts',
    find: "return { kind: 'promised', ballot, accepted: after.accepted };",
    replace: 'return new Promise(() => {});',
  };
  const [mutant] = loadMutant(['simulation/search/search.ts'], [unheard]) as [Searching];
  const report = await mutant.search({ strategy: 'random', schedules: 10 });
  expect(report).toMatchObject({ verdict: 'vacuous', schedules: 10, chosen: 0 });
});

test('who believes another value than the chosen one is noticed, although nobody hears of it', async () => {
  const boast = {
    file: 'protocols/paxos/proposer.ts',
    find: "return { kind: 'chosen', value: proposal };",
    replace: "return { kind: 'chosen', value };",
  };
  const [mutant] = loadMutant(['simulation/search/search.ts'], [boast]) as [Searching];
  const { counterexample } = await mutant.search({ strategy: 'random', schedules: 500 });
  expect(counterexample?.violation).toMatch(/^learned but not chosen/);
});

test('a search ends when it is cancelled', async () => {
  const report = await search({ strategy: 'random' }, (schedules) => schedules === 7);
  expect(report).toMatchObject({ schedules: 7, isExhausted: false });
});
