import type { Choice } from './choices';
import { run, type System } from './run';
import type { Strategy } from './strategy';

/** What a number of schedules came to. */
export interface Exploration {
  /** Schedules that differ, as far as the strategy can tell. */
  readonly schedules: number;
  /** Runs given up when they led nowhere new; not among the schedules. */
  readonly redundant: number;
  /** Taken in all runs together, those of repeated beginnings included. */
  readonly choices: number;
  /** Choices of the longest run. */
  readonly deepest: number;
  /** Schedules in which a value was chosen, whether anybody knows it or not. */
  readonly chosen: number;
  /** How often each outcome came. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Whether no schedule is left that the strategy would try; false when something else ended the search. */
  readonly isExhausted: boolean;
  /** The first that was found; it ends the search. */
  readonly violation: { readonly message: string; readonly ids: readonly number[] } | undefined;
}

/** Leads new worlds through one schedule after another, until a violation, or until `isOver`. */
export async function explore(
  create: () => System,
  strategy: Strategy,
  isOver: (schedules: number) => boolean,
): Promise<Exploration> {
  const outcomes: Record<string, number> = {};
  const counts = { schedules: 0, redundant: 0, choices: 0, deepest: 0, chosen: 0 };
  for (;;) {
    if (isOver(counts.schedules)) return { ...counts, outcomes, isExhausted: false, violation: undefined };
    if (!strategy.begin()) return { ...counts, outcomes, isExhausted: true, violation: undefined };
    const ids: number[] = [];
    const { choices, isComplete, hasChosen, outcome, violation } = await run(create(), (enabled) => {
      const choice = strategy.choose(enabled);
      if (choice !== undefined) ids.push(choice.id);
      return choice;
    });
    counts.choices += choices;
    counts.deepest = Math.max(counts.deepest, choices);
    if (!isComplete && violation === undefined) {
      counts.redundant++;
      continue;
    }
    counts.schedules++;
    if (hasChosen) counts.chosen++;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (violation !== undefined)
      return { ...counts, outcomes, isExhausted: false, violation: { message: violation, ids } };
  }
}

/** A schedule in words, one line per choice, and what came of it. */
export interface Told {
  readonly schedule: readonly string[];
  readonly outcome: string;
  readonly violation: string | undefined;
}

/** Tells what a schedule consists of that is known by the numbers of its choices. */
export function tell(system: System, ids: readonly number[]): Promise<Told> {
  const rest = ids.values();
  return record(system, (enabled) => {
    const { value } = rest.next();
    return enabled.find(({ id }) => id === value);
  });
}

/** Leads the world through a schedule in words. Lines that say what cannot happen are left out. */
export function retell(system: System, schedule: readonly string[]): Promise<Told> {
  const rest = schedule.values();
  return record(system, (enabled) => {
    const lines = linesOf(enabled);
    for (const line of rest) {
      const index = lines.indexOf(line);
      if (index >= 0) return enabled[index];
    }
    return undefined;
  });
}

async function record(
  system: System,
  choose: (enabled: readonly Choice[]) => Choice | undefined,
): Promise<Told> {
  const schedule: string[] = [];
  const { outcome, violation } = await run(system, (enabled) => {
    const choice = choose(enabled);
    const line = choice && linesOf(enabled)[enabled.indexOf(choice)];
    if (line !== undefined) schedule.push(line);
    return choice;
  });
  return { schedule, outcome, violation };
}

/** What each choice is called. Of several that would be called the same, the later ones get a number. */
function linesOf(enabled: readonly Choice[]): string[] {
  const seen = new Map<string, number>();
  return enabled.map((choice) => {
    const line = choice.describe();
    const count = (seen.get(line) ?? 0) + 1;
    seen.set(line, count);
    return count === 1 ? line : `${line} (the ${count}th such)`;
  });
}

/** The kind of violation, without its details: these change with the schedule. */
function kindOf(violation: string | undefined): string | undefined {
  return violation?.split(':', 1)[0];
}

/**
 * Leaves out of the schedule what the violation does not need: one line after another, until none can go. What a
 * left-out line would have led to goes with it.
 */
export async function shorten(create: () => System, told: Told): Promise<Told> {
  let shortest = told;
  for (let hasChanged = true; hasChanged;) {
    hasChanged = false;
    for (let index = shortest.schedule.length - 1; index >= 0; index--) {
      const shorter = await retell(create(), shortest.schedule.toSpliced(index, 1));
      if (kindOf(shorter.violation) !== kindOf(told.violation)) continue;
      if (shorter.schedule.length >= shortest.schedule.length) continue;
      shortest = shorter;
      hasChanged = true;
    }
  }
  return shortest;
}
