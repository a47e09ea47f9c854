import { expect, test } from '@jest/globals';
import type { Edit } from '../../../../src/simulation/museum/mutant';
import { SHIPPED, mutate, type Code } from '../code';

/** Plays a schedule against the code and rejects if anything unsafe comes of it. */
export type Schedule = (code: Code) => Promise<void>;

export interface Shortcut {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** What the observer says when the shortcut is taken. */
  readonly violation: RegExp;
}

/** One test for each shortcut: the schedule is safe with the shipped code and unsafe with the shortcut in it. */
export function play(title: string, schedule: Schedule, ...shortcuts: Shortcut[]): void {
  for (const { name, edits, violation } of shortcuts)
    test(`${title}: ${name}`, async () => {
      await schedule(SHIPPED);
      await expect(schedule(mutate(edits))).rejects.toThrow(violation);
    });
}
