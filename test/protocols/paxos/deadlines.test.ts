import { expect, test } from '@jest/globals';
import { OperationError } from '../../../src/core/errors';
import { only, startReplicas } from './schedules/replicas';
import { SHIPPED } from './code';

test('a read keeps its deadline, whatever a repair under way still waits for', async () => {
  const cluster = await startReplicas(SHIPPED, { gapMs: 10 });
  const { network, time } = cluster.world;
  // Slot 1 has votes of A and B, and nobody hears of its choice, nor can anybody find out.
  network.rule = only({ prepare: [1], accept: [1] });
  cluster.submit(0, 'v1', 50);
  await time.run(100);
  network.rule = only({ highestAccepted: [0, 1, 2] });
  const startedAt = time.now;
  let failure: unknown;
  cluster
    .replica(2)
    .readBarrier(200)
    .catch((error: unknown) => {
      failure = error;
    });
  while (failure === undefined && time.now < startedAt + 10_000) await time.run(10);
  expect(failure).toBeInstanceOf(OperationError);
  expect(failure).toMatchObject({ failure: 'no-quorum', definite: true });
  expect(time.now - startedAt).toBeLessThanOrEqual(220);
});
