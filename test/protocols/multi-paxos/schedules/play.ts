import { expect, test } from '@jest/globals';
import type { Edit } from '../../../../src/simulation/museum/mutant';
import { SHIPPED, mutate, type Code } from '../code';

/** Plays a schedule against the code and rejects if anything comes of it that must not. */
export type Schedule = (code: Code) => Promise<void>;

/** A mistake that random runs do not find, or not soon enough for the museum. */
export interface Mistake {
  readonly name: string;
  readonly edits: readonly Edit[];
}

/** One test: the schedule goes well with the shipped code, and not with the mistake in it. */
export function play({ name, edits }: Mistake, schedule: Schedule, failure: RegExp): void {
  test(name, async () => {
    await schedule(SHIPPED);
    await expect(schedule(mutate(edits))).rejects.toThrow(failure);
  });
}
