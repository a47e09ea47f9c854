import type { Cancel, Clock } from './core/environment';

/** The machine's monotonic clock. Its timers keep the process alive. */
export const realClock: Clock = {
  now: () => performance.now(),
  sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
  after: (delayMs, run): Cancel => {
    const timer = setTimeout(run, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};
