import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until the condition holds; one that throws does not hold yet. Rejects after the deadline with the last reason. */
export async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 10_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  let reason = 'it stayed false';
  while (performance.now() < end) {
    try {
      if (await condition()) return;
    } catch (error) {
      reason = (error as Error).message;
    }
    await sleep(10);
  }
  throw new Error(`${what}: not within ${deadlineMs} ms (${reason})`);
}

/** Rejects when the promise takes longer. */
export async function within<T>(deadlineMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what}: not within ${deadlineMs} ms`));
    }, deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
