import { describe, expect, test } from '@jest/globals';
import { EXHIBITS } from '../../../src/simulation/museum/exhibits';
import { codeWith, exhibitOf } from '../../../src/simulation/museum/code';
import { visit } from '../../../src/simulation/museum/tour';

/** One of each family, quick to catch. `bin/simulate museum` shows them all; CI runs it. */
const QUICK: [id: string, mostSeeds: number][] = [
  ['P-1', 3],
  ['P-3', 10],
  ['P-4b', 10],
  ['P-8', 10],
  ['P-9', 20],
  ['P-13', 3],
  ['P-16', 3],
  ['P-18', 20],
  ['P-19', 3],
  ['P-23', 3],
  ['P-25', 20],
  ['F-2', 5],
  ['L-2', 20],
  ['S-7', 20],
  ['S-9', 10],
  ['S-24', 5],
  ['S-25', 3],
  ['S-26', 5],
  ['S-27', 20],
  ['MP-3b', 10],
  ['MP-7', 10],
  ['MP-12', 20],
  ['MP-17b', 3],
  ['MP-20b', 10],
  ['X-1', 3],
  ['X-4', 10],
  ['X-6', 10],
];

describe('the museum', () => {
  test('holds enough, each under a name of its own, and each tells its story', () => {
    expect(EXHIBITS.length).toBeGreaterThanOrEqual(40);
    expect(new Set(EXHIBITS.map(({ id }) => id)).size).toBe(EXHIBITS.length);
    for (const { name, rule, story, schedule } of EXHIBITS) {
      expect([name.length, story.length, schedule.length, rule.length].every((length) => length > 10)).toBe(
        true,
      );
      expect(story.length).toBeGreaterThan(80);
    }
  });

  test.each(EXHIBITS.map(({ id }) => [id]))('%s still applies to the sources', (id) => {
    expect(() => codeWith(exhibitOf(id)!)).not.toThrow();
  });

  test.each(QUICK)('%s is caught within %i seeds', async (id, mostSeeds) => {
    const { caught } = await visit(exhibitOf(id)!, undefined, mostSeeds);
    expect(caught?.seed).toBeGreaterThan(0);
  });

  test('an observer that looks away is noticed: nothing is caught', async () => {
    const exhibit = exhibitOf('P-22')!;
    const blind = {
      file: 'simulation/observer.ts',
      find: 'this.#violation ??= new Violation(kind, details);',
      replace: '',
    };
    expect((await visit(exhibit, undefined, 2)).caught).toBeDefined();
    const { caught } = await visit({ ...exhibit, edits: [...exhibit.edits, blind] }, undefined, 2);
    expect(caught).toBeUndefined();
  });
});
