import { describe, expect, test } from '@jest/globals';
import { Arrivals } from '../../src/bench/arrivals';
import { closedLoop, type LoadPlan } from '../../src/bench/closed-loop';
import { percentileMs } from '../../src/bench/measure';
import { openLoop } from '../../src/bench/open-loop';
import type { Connection, Operation, Refusal } from '../../src/bench/system';
import { throughputOf } from '../../src/bench/tally';
import { SeededRandom } from '../../src/core/random';

/** A server of one's own making: it answers after `delayMs()`, all requests of a client at once. */
class FakeConnection implements Connection {
  sent = 0;
  mostInFlight = 0;
  readonly #delayMs: () => number;
  readonly #refusal: Refusal | undefined;
  readonly #onClose = new Set<(error: Error) => void>();
  #inFlight = 0;

  constructor(delayMs: () => number, refusal?: Refusal) {
    this.#delayMs = delayMs;
    this.#refusal = refusal;
  }

  async send(operations: readonly Operation[]): Promise<Refusal | undefined> {
    this.sent += operations.length;
    this.mostInFlight = Math.max(this.mostInFlight, ++this.#inFlight);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#onClose.add(reject);
        if (this.#delayMs() !== Infinity) setTimeout(resolve, this.#delayMs());
      });
    } finally {
      this.#inFlight--;
    }
    return this.#refusal;
  }

  close(): void {
    for (const reject of this.#onClose) reject(new Error('closed'));
  }
}

const next = (): Operation => ({ kind: 'put', key: 'k' });

function planOf(connections: readonly Connection[], changes: Partial<LoadPlan> = {}): LoadPlan {
  const { signal } = new AbortController();
  return { connections, durationMs: 300, lanes: 1, batch: 1, next, signal, ...changes };
}

function constant(operationsPerSecond: number): Arrivals {
  return new Arrivals('constant', operationsPerSecond, new SeededRandom(1));
}

describe('open loop', () => {
  test('charges a stall to everybody who had to wait, where a closed loop charges one', async () => {
    // The server answers at once, but for the time from 50 to 250 ms, in which nobody is answered.
    const stalling = (): FakeConnection => {
      const startedAt = performance.now();
      return new FakeConnection(() => {
        const at = performance.now() - startedAt;
        return at > 50 && at < 250 ? 250 - at : 0;
      });
    };
    const [open, closed] = await Promise.all([
      openLoop({ ...planOf([stalling()]), arrivals: constant(200), drainMs: 1000 }),
      closedLoop(planOf([stalling()])),
    ]);
    expect(open).toMatchObject({ operations: 59, errors: 0 });
    // 40 of 59 operations were due in the stall, on average half its length before its end.
    expect(percentileMs(open.latency, 50)).toBeGreaterThan(30);
    expect(percentileMs(open.latency, 90)).toBeGreaterThan(120);
    expect(percentileMs(closed.latency, 90)).toBeLessThan(30);
  });

  test('charges the time in which the generator itself was held up', async () => {
    let operations = 0;
    const holdUpOnce = (): Operation => {
      const until = performance.now() + 150;
      if (++operations === 10) while (performance.now() < until);
      return next();
    };
    const plan = planOf([new FakeConnection(() => 0)], { next: holdUpOnce });
    const result = await openLoop({ ...plan, arrivals: constant(200), drainMs: 1000 });
    expect(result).toMatchObject({ operations: 59, errors: 0 });
    expect(percentileMs(result.latency, 90)).toBeGreaterThan(50);
    expect(percentileMs(result.lateness, 90)).toBeGreaterThan(50);
  });

  test('gives up on answers that do not come, and counts the time they were waited for', async () => {
    const silent = new FakeConnection(() => Infinity);
    const result = await openLoop({ ...planOf([silent]), arrivals: constant(50), drainMs: 100 });
    expect(result).toMatchObject({ operations: 0, errors: 14 });
    expect(result.lastError).toContain('not answered within 100 ms');
    expect(result.latency.count).toBe(14);
    expect(result.latency.min / 1e6).toBeGreaterThan(100);
    expect(silent.mostInFlight).toBe(1);
  });

  test('sends what waits in one request, as far as a batch goes', async () => {
    const slow = new FakeConnection(() => 100);
    const plan = planOf([slow], { lanes: 2, batch: 10 });
    const result = await openLoop({ ...plan, arrivals: constant(100), drainMs: 1000 });
    expect(result).toMatchObject({ operations: 29, errors: 0 });
    expect(slow.mostInFlight).toBe(2);
  });

  test('ends at once when it is aborted', async () => {
    const controller = new AbortController();
    const plan = planOf([new FakeConnection(() => Infinity)], {
      durationMs: 60_000,
      signal: controller.signal,
    });
    const begin = performance.now();
    const ended = openLoop({ ...plan, arrivals: constant(100), drainMs: 60_000 });
    controller.abort();
    await ended;
    expect(performance.now() - begin).toBeLessThan(2000);
  });
});

describe('closed loop', () => {
  test('keeps as many requests in flight as there are lanes', async () => {
    const connection = new FakeConnection(() => 5);
    const result = await closedLoop(planOf([connection], { lanes: 4, batch: 3, durationMs: 60 }));
    expect(connection.mostInFlight).toBe(4);
    expect(result.operations).toBe(connection.sent);
    expect(result.latency.count).toBe(connection.sent);
    expect(result.errors).toBe(0);
  });

  test('a refusal counts as an error and not as fast', async () => {
    const refusing = new FakeConnection(() => 5, { failed: 2, reason: 'overloaded' });
    const result = await closedLoop(planOf([refusing], { batch: 3, durationMs: 40 }));
    expect(result.lastError).toBe('overloaded');
    expect(result.errors).toBe(2 * result.operations);
    expect(result.latency.count).toBe(result.operations);
  });
});

test('arrivals: constant ones are evenly spaced, those of a Poisson process are not, at the same rate', () => {
  const gaps = (arrivals: Arrivals): number[] => {
    const times = Array.from({ length: 20_000 }, () => arrivals.next());
    return times.map((time, index) => time - (times[index - 1] ?? 0));
  };
  const deviation = (values: number[]): number =>
    Math.sqrt(values.reduce((sum, value) => sum + (value - 2) ** 2, 0) / values.length);
  expect(deviation(gaps(constant(500)))).toBeCloseTo(0, 6);
  const random = gaps(new Arrivals('poisson', 500, new SeededRandom(7)));
  expect(random.reduce((sum, gap) => sum + gap, 0) / random.length).toBeCloseTo(2, 1);
  // The deviation of exponential gaps is their mean.
  expect(deviation(random)).toBeCloseTo(2, 1);
});

test('throughput over time: the last interval is shorter, and no rate of its own when too short', () => {
  expect(throughputOf([10, 20, 5], 2500)).toEqual([
    { atMs: 0, operationsPerSecond: 10 },
    { atMs: 1000, operationsPerSecond: 20 },
    { atMs: 2000, operationsPerSecond: 10 },
  ]);
  expect(throughputOf([10, 1], 1100)).toEqual([{ atMs: 0, operationsPerSecond: 10 }]);
  expect(throughputOf([], 1500)).toHaveLength(2);
  expect(throughputOf([3], 100)).toEqual([{ atMs: 0, operationsPerSecond: 30 }]);
});
