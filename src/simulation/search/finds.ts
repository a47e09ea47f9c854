import type { SearchOptions } from './search';

/** What it takes to see a mistake of the museum, and a strategy that sees it soon; for the rarest, a seed too. */
export interface Find {
  /** Of the exhibit. */
  readonly id: string;
  readonly options: Partial<SearchOptions> & Pick<SearchOptions, 'strategy'>;
  /** The kinds of violation that it may show itself by. */
  readonly shows: readonly string[];
}

const TWO_VALUES = 'two values chosen';
const PROMISE = 'promise broken';
const BELIEF = 'learned but not chosen';
const BALLOT = 'ballot used twice';

/** Each is found within 2000 schedules. The first of an exhibit is what `bin/simulate search --exhibit` does by itself. */
export const FINDS: readonly Find[] = [
  { id: 'P-1', options: { strategy: 'random' }, shows: [TWO_VALUES] },
  { id: 'P-1', options: { strategy: 'adversarial' }, shows: [TWO_VALUES] },
  { id: 'P-2', options: { strategy: 'adversarial', proposers: 3, seed: 5 }, shows: [TWO_VALUES] },
  { id: 'P-2b', options: { strategy: 'random', proposers: 3, seed: 4 }, shows: [TWO_VALUES] },
  { id: 'P-3', options: { strategy: 'random', crashes: 1 }, shows: [PROMISE] },
  { id: 'P-3b', options: { strategy: 'random', crashes: 1 }, shows: [PROMISE] },
  { id: 'P-4', options: { strategy: 'systematic', crashes: 1, deviations: 2 }, shows: [PROMISE, TWO_VALUES] },
  { id: 'P-4b', options: { strategy: 'random', crashes: 1 }, shows: [PROMISE, TWO_VALUES] },
  { id: 'P-5', options: { strategy: 'random', timers: 2, resends: true }, shows: [BELIEF] },
  { id: 'P-6', options: { strategy: 'random', timers: 2 }, shows: [TWO_VALUES] },
  { id: 'P-7', options: { strategy: 'random', timers: 2 }, shows: [BELIEF] },
  { id: 'P-8', options: { strategy: 'systematic', deviations: 2 }, shows: [PROMISE] },
  { id: 'P-9', options: { strategy: 'random', crashes: 1 }, shows: [BALLOT] },
  { id: 'P-9b', options: { strategy: 'random', crashes: 1 }, shows: [BALLOT] },
  {
    id: 'P-10',
    options: { strategy: 'random' },
    shows: [TWO_VALUES, PROMISE, BELIEF, 'one value in a slot'],
  },
  { id: 'P-15', options: { strategy: 'random', noop: true }, shows: [TWO_VALUES] },
  { id: 'P-17', options: { strategy: 'adversarial', timers: 2, seed: 46 }, shows: [BELIEF] },
  { id: 'P-20', options: { strategy: 'random', acceptors: 4 }, shows: [BELIEF] },
  { id: 'P-23', options: { strategy: 'random' }, shows: [PROMISE] },
];
