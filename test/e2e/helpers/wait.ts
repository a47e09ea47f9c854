import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 25;

/** Polls until the condition holds; one that throws does not hold yet. Rejects at the deadline. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  deadlineMs: number,
  describe: (lastReason: string) => string,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    let reason = 'The condition stayed false.';
    try {
      if (await condition()) return;
    } catch (error) {
      reason = (error as Error).message;
    }
    if (performance.now() > end) throw new Error(describe(reason));
    await sleep(POLL_MS);
  }
}
