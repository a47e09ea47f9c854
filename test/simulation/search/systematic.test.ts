import { describe, expect, test } from '@jest/globals';
import { Choices, areIndependent, settle, type Limits } from '../../../src/simulation/search/choices';
import { explore, type Exploration } from '../../../src/simulation/search/explore';
import type { System } from '../../../src/simulation/search/run';
import { SmallSynod } from '../../../src/simulation/search/small-synod';
import { DEFAULT_SEARCH } from '../../../src/simulation/search/search';
import { Systematic } from '../../../src/simulation/search/systematic';

const LIMITS: Limits = { timers: 0, duplicates: 0, crashes: 0, writes: 'choices' };
const ALL = { deviations: undefined, sleepSets: true };
const ALL_ORDERS = { deviations: undefined, sleepSets: false };

/** A world whose outcome is what happened, place by place. */
function toy(
  setUp: (choices: Choices, happens: (place: number, what: string) => () => void) => void,
): () => System {
  return () => {
    const seen = new Map<number, string>();
    const choices = new Choices(LIMITS, String, () => undefined);
    setUp(choices, (place, what) => () => {
      seen.set(place, (seen.get(place) ?? '') + what);
    });
    return {
      choices,
      hasChosen: true,
      get outcome() {
        return [...seen].sort(([a], [b]) => a - b).join(' ');
      },
      finish: () => undefined,
    };
  };
}

function all(
  create: () => System,
  options: ConstructorParameters<typeof Systematic>[0],
): Promise<Exploration> {
  return explore(create, new Systematic(options), () => false);
}

describe('the number of schedules is the one worked out by hand', () => {
  test('4 writes at different places: 4! orders, all of them the same', async () => {
    const create = toy((choices, happens) => {
      for (const place of [0, 1, 2, 3]) choices.after(0, happens(place, 'w'), 'write', place);
    });
    expect(await all(create, ALL_ORDERS)).toMatchObject({ schedules: 24, isExhausted: true });
    expect(await all(create, ALL)).toMatchObject({ schedules: 1, isExhausted: true });
  });

  test('2 messages at each of 2 places: 4! orders, of which 2! at each place differ', async () => {
    const create = toy((choices, happens) => {
      for (const place of [0, 1])
        for (const what of 'ab') choices.after(0, happens(place, what), 'message', place);
    });
    const plain = await all(create, ALL_ORDERS);
    const reduced = await all(create, ALL);
    expect(plain.schedules).toBe(24);
    expect(reduced.outcomes).toEqual({ '0,ab 1,ab': 1, '0,ab 1,ba': 1, '0,ba 1,ab': 1, '0,ba 1,ba': 1 });
  });

  test('a message that sets off another elsewhere, which races with a third: 3 orders, 2 of which differ', async () => {
    const create = toy((choices, happens) => {
      const sendOn = (): void => void choices.after(0, happens(1, 'b'), 'message', 1);
      choices.after(0, sendOn, 'message', 0);
      choices.after(0, happens(1, 'c'), 'message', 1);
    });
    expect((await all(create, ALL_ORDERS)).outcomes).toEqual({ '1,bc': 1, '1,cb': 2 });
    expect((await all(create, ALL)).outcomes).toEqual({ '1,bc': 1, '1,cb': 1 });
  });

  test('of 3 messages at one place, at most one choice out of order: the calm order, 2 others first, 1 other second', async () => {
    const create = toy((choices, happens) => {
      for (const what of 'abc') choices.after(0, happens(0, what), 'message', 0);
    });
    const { outcomes } = await all(create, { deviations: 1, sleepSets: false });
    expect(Object.keys(outcomes).sort()).toEqual(['0,acb', '0,bca', '0,cab', '0,cba']);
  });
});

test('what may happen once only, at one of two places, is not taken for independent', async () => {
  const create = (): System => {
    let crashed = '';
    const choices = new Choices({ ...LIMITS, crashes: 1 }, String, () => undefined);
    for (const place of [0, 1])
      choices.offerCrash(
        place,
        () => `crash ${place}`,
        () => {
          crashed += String(place);
        },
      );
    return {
      choices,
      hasChosen: true,
      finish: () => undefined,
      get outcome() {
        return crashed;
      },
    };
  };
  const [first, second] = create().choices.enabled;
  expect(areIndependent(first!, second!)).toBe(false);
  expect((await all(create, ALL)).outcomes).toEqual({ '0': 1, '1': 1 });
});

test('whatever promises set off has happened once they are settled, wherever that is asked for', async () => {
  const chain = async (steps: string[]): Promise<void> => {
    for (let step = 0; step < 20; step++) steps.push(await Promise.resolve('step'));
  };
  const steps: string[] = [];
  void chain(steps);
  await settle();
  expect(steps).toHaveLength(20);
  await new Promise<void>((resolve, reject) => {
    setImmediate(() => {
      void chain(steps);
      settle()
        .then(() => {
          expect(steps).toHaveLength(40);
        })
        .then(resolve, reject);
    });
  });
});

describe('a synod', () => {
  const tiny = { ...DEFAULT_SEARCH, acceptors: 1, writes: 'at-once' } as const;

  test('of one acceptor has the same outcomes with sleep sets and without', async () => {
    const plain = await all(() => new SmallSynod(tiny), ALL_ORDERS);
    const reduced = await all(() => new SmallSynod(tiny), ALL);
    expect(plain.isExhausted && reduced.isExhausted).toBe(true);
    expect(Object.keys(reduced.outcomes).sort()).toEqual(Object.keys(plain.outcomes).sort());
    expect(Object.keys(reduced.outcomes)).toHaveLength(2);
    expect(reduced.schedules * 5).toBeLessThan(plain.schedules);
  });

  test('of two acceptors is safe in every schedule; their number does not depend on the order of the search', async () => {
    const { schedules, chosen, isExhausted, violation } = await all(
      () => new SmallSynod({ ...tiny, acceptors: 2 }),
      ALL,
    );
    // Counted independently, with three other orders among the choices of a point.
    expect({ schedules, chosen, isExhausted, violation }).toEqual({
      schedules: 720,
      chosen: 720,
      isExhausted: true,
      violation: undefined,
    });
  });
});
