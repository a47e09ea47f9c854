import { drain } from '../virtual-time';
import { settle, type Choice, type Choices } from './choices';

/** A world to be led through one schedule, and then thrown away. */
export interface System {
  readonly choices: Choices;
  /** Whether a value was chosen, known to anybody or not. */
  readonly hasChosen: boolean;
  /** How it came out, in one line. */
  readonly outcome: string;
  /** Checks of the state that the schedule ends in. Throws Violation. */
  finish(): void;
}

/** One of the choices, or undefined to leave it at that. */
export type Choose = (enabled: readonly Choice[]) => Choice | undefined;

export interface Run {
  readonly choices: number;
  /** Whether the end was reached at which nothing can happen any more. */
  readonly isComplete: boolean;
  readonly hasChosen: boolean;
  readonly outcome: string;
  /** What the observer says, if it saw a broken rule. */
  readonly violation: string | undefined;
}

/** Leads a new world through the schedule that `choose` makes up as it goes. */
export async function run(system: System, choose: Choose): Promise<Run> {
  let count = 0;
  let isComplete = false;
  let violation: string | undefined;
  try {
    await settle();
    for (;;) {
      const { enabled } = system.choices;
      isComplete = enabled.length === 0;
      const choice = isComplete ? undefined : choose(enabled);
      if (choice === undefined) break;
      count++;
      await system.choices.take(choice);
    }
    // Node tells of rejections that nobody handles only now.
    await drain();
    system.finish();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'Violation') throw error;
    violation = error.message;
  }
  const { hasChosen, outcome } = system;
  return { choices: count, isComplete, hasChosen, outcome, violation };
}
