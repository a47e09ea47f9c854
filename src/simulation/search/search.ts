import { SeededRandom } from '../../core/random';
import { isolated } from '../isolation';
import { explore, retell, shorten, tell, type Exploration, type Told } from './explore';
import { SmallSynod, type Shape } from './small-synod';
import { Adversary, RandomWalk, type Strategy } from './strategy';
import { Systematic } from './systematic';

export type StrategyName = 'random' | 'adversarial' | 'systematic';

export interface SearchOptions extends Shape {
  readonly strategy: StrategyName;
  /** Most schedules to explore. */
  readonly schedules: number;
  /** Of random and adversarial: decides everything. */
  readonly seed: number;
  /** Of systematic: most choices out of order in one schedule. Null: any number. */
  readonly deviations: number | null;
}

/** Two proposers with one ballot each, three acceptors, and nothing fails but that messages are lost or late. */
export const DEFAULT_SEARCH: SearchOptions = {
  strategy: 'systematic',
  schedules: 100_000,
  seed: 1,
  deviations: 3,
  acceptors: 3,
  proposers: 2,
  timers: 0,
  resends: false,
  noop: false,
  crashes: 0,
  duplicates: 0,
  writes: 'choices',
};

/** A way to break a rule, as short as could be found. */
export interface Counterexample {
  /** `kind: details`, as the observer says it at the end of this schedule. */
  readonly violation: string;
  /** One line per choice, in order. */
  readonly schedule: readonly string[];
  /** Choices of the schedule that was found first. */
  readonly foundChoices: number;
}

/** Plain data. The same options give the same report. */
export interface SearchReport extends Omit<Exploration, 'violation'> {
  readonly options: SearchOptions;
  /** `vacuous`: nothing was ever chosen, so that nothing was tested. */
  readonly verdict: 'clean' | 'violation' | 'vacuous';
  readonly counterexample: Counterexample | undefined;
}

/**
 * Searches the schedules of one small synod for one that breaks a rule. `isCancelled` is asked after each schedule,
 * with the number of those explored.
 */
export function search(
  options: Partial<SearchOptions>,
  isCancelled: (schedules: number) => boolean = () => false,
): Promise<SearchReport> {
  const all = { ...DEFAULT_SEARCH, ...options };
  return alone(all, (create) => searchWith(create, all, isCancelled));
}

/** Plays the schedule of a counterexample again, in a synod of the same shape. Lines that cannot happen are left out. */
export function replaySchedule(shape: Partial<SearchOptions>, schedule: readonly string[]): Promise<Told> {
  return alone({ ...DEFAULT_SEARCH, ...shape }, (create) => retell(create(), schedule));
}

async function searchWith(
  create: () => SmallSynod,
  all: SearchOptions,
  isCancelled: (schedules: number) => boolean,
): Promise<SearchReport> {
  const { violation, ...counts } = await explore(
    create,
    strategyOf(all),
    (schedules) => schedules >= all.schedules || isCancelled(schedules),
  );
  if (violation === undefined) {
    const verdict = counts.chosen === 0 ? 'vacuous' : 'clean';
    return { ...counts, options: all, verdict, counterexample: undefined };
  }
  const found = await tell(create(), violation.ids);
  const shortest = await shorten(create, found);
  const counterexample = {
    violation: shortest.violation ?? violation.message,
    schedule: shortest.schedule,
    foundChoices: found.schedule.length,
  };
  return { ...counts, options: all, verdict: 'violation', counterexample };
}

/** With the world outside closed off. What nobody handles goes to the synod at play. */
function alone<Result>(
  shape: Shape,
  carryOut: (create: () => SmallSynod) => Promise<Result>,
): Promise<Result> {
  return isolated(
    (): { synod: SmallSynod | undefined } => ({ synod: undefined }),
    (stage) => carryOut(() => (stage.synod = new SmallSynod(shape))),
    (stage, error) => stage.synod?.unexpected(error),
  );
}

function strategyOf({ strategy, seed, deviations }: SearchOptions): Strategy {
  switch (strategy) {
    case 'random':
      return new RandomWalk(new SeededRandom(seed));
    case 'adversarial':
      return new Adversary(new SeededRandom(seed));
    case 'systematic':
      return new Systematic({ deviations: deviations ?? undefined, sleepSets: deviations === null });
  }
}
