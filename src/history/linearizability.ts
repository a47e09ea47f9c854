import { Meter, type Budget } from './budget';
import type { History } from './history';
import { ABSENT, Values } from './model';
import { countChecked, partition, type KeyHistory, type WrongAnswer } from './partition';
import { Search, type SearchOptions } from './search';

interface Checked {
  /** Answers that constrain something. Zero: this verdict says nothing. */
  readonly checked: number;
  readonly keys: number;
  /** Of the search. */
  readonly steps: number;
}

export type Verdict =
  | (Checked & { readonly kind: 'linearizable' })
  | (Checked & { readonly kind: 'violation'; readonly violated: KeyHistory })
  /** A list that no store can have given. */
  | (Checked & { readonly kind: 'violation'; readonly wrongList: WrongAnswer })
  | (Checked & { readonly kind: 'unknown'; readonly reason: string });

/**
 * Whether there is one order of all operations that respects real time and explains every answer; whether a read was
 * `local` does not count here. An exhausted budget gives `unknown`, unless a violation was found.
 */
export function checkLinearizability(history: History, budget: Budget = {}): Verdict {
  return checkKeys(history, budget, { relaxLocalReads: false, keepLongest: false });
}

/** The same with the options of the search. */
export function checkKeys(history: History, budget: Budget, options: SearchOptions): Verdict {
  const parts = partition(history);
  const { keys, wrongLists } = parts;
  const meter = new Meter(budget);
  const checked = countChecked(history, parts);
  const soFar = (): Checked => ({ checked, keys: keys.length, steps: meter.steps });
  const [wrongList] = wrongLists;
  if (wrongList !== undefined) return { kind: 'violation', ...soFar(), wrongList };
  let reason: string | undefined;
  for (const [index, { key, operations }] of keys.entries()) {
    // One hard key must not take everything from the others; the last has all that is left.
    meter.slice(index === keys.length - 1 ? 1 : 0.5);
    const values = new Values(operations);
    const search = new Search(operations, values, meter, options);
    const outcome = search.run(history.initial === 'absent' ? [ABSENT] : values.all());
    if (outcome === 'none') return { kind: 'violation', ...soFar(), violated: { key, operations } };
    if (outcome === 'exhausted')
      reason ??= `key ${JSON.stringify(key)} is not decided: ${meter.exhausted ?? 'stopped'}`;
  }
  return reason === undefined
    ? { kind: 'linearizable', ...soFar() }
    : { kind: 'unknown', ...soFar(), reason };
}
