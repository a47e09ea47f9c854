import { expect, test } from '@jest/globals';
import { exhibitOf } from '../../../../src/simulation/museum/code';
import type { Exhibit } from '../../../../src/simulation/museum/exhibit';
import { SHIPPED, mutate, type Code } from '../code';

/** Plays a schedule against the code and rejects if anything unsafe comes of it. */
export type Schedule = (code: Code) => Promise<void>;

/** The mistake with this id in the museum. */
export function exhibit(id: string): Exhibit {
  const found = exhibitOf(id);
  if (found === undefined) throw new Error(`the museum has no ${id}`);
  return found;
}

/** One test: the schedule is safe with the shipped code, and the observer says `violation` with the mistake in it. */
export function play(
  { id, name, edits }: Pick<Exhibit, 'id' | 'name' | 'edits'>,
  schedule: Schedule,
  violation: RegExp,
): void {
  test(`${id}: ${name}`, async () => {
    await schedule(SHIPPED);
    await expect(schedule(mutate(edits))).rejects.toThrow(violation);
  });
}
