import { expect, test } from '@jest/globals';
import { MISTAKES } from './power-loss/mistakes';
import { firstViolation, loadStorage, newTally } from './power-loss/replay';

test('from each state that a power loss could leave, all that was acknowledged is there, and nothing by halves', async () => {
  const tally = newTally();
  expect(await firstViolation(loadStorage(), 12, tally)).toBeUndefined();
  expect(tally.states).toBeGreaterThan(5000);
  expect(tally.folds).toBeGreaterThan(100);
  expect(tally.failedSyncs).toBeGreaterThan(5);
});

test.each(MISTAKES)('the replay of power losses finds: $name', async ({ edits }) => {
  expect(await firstViolation(loadStorage(edits), 100)).toBeDefined();
});
