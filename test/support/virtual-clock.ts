import type { Clock } from '../../src/core/environment';
import { VirtualTime } from '../../src/simulation/virtual-time';

/** Virtual time without a world around it, and a clock on it, for tests of one small part. */
export function virtualClock(): { time: VirtualTime; clock: Clock } {
  const time = new VirtualTime(() => undefined);
  const clock: Clock = {
    now: () => time.now,
    after: (delayMs, run) => time.after(delayMs, run),
    sleep: (delayMs) => new Promise((resolve) => time.after(delayMs, resolve)),
  };
  return { time, clock };
}

/** How a promise came out, once it has. */
export interface Settled<Value> {
  state: 'pending' | 'resolved' | 'rejected';
  value?: Value;
  error?: Error;
}

export function watch<Value>(promise: Promise<Value>): Settled<Value> {
  const settled: Settled<Value> = { state: 'pending' };
  promise.then(
    (value) => {
      settled.state = 'resolved';
      settled.value = value;
    },
    (error: unknown) => {
      settled.state = 'rejected';
      settled.error = error as Error;
    },
  );
  return settled;
}
