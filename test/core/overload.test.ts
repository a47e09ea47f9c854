import { expect, test } from '@jest/globals';
import { Admission } from '../../src/core/admission';
import { OperationError } from '../../src/core/errors';
import { virtualClock } from '../support/virtual-clock';

interface Load {
  /** Operations that the cluster can do in a second. */
  readonly capacity: number;
  /** They end together, so often. */
  readonly everyMs: number;
  readonly maxRunning: number;
  /** So many begin together. */
  readonly burst: number;
  /** Times the capacity. */
  readonly overload: number;
  /** For so long in the middle the cluster does nothing. */
  readonly stallMs?: number;
}

const TIMEOUT_MS = 4000;
const DURATION_MS = 12_000;

/** What becomes of operations that nobody holds back, behind an Admission. */
async function outcomesOf(load: Load): Promise<Record<'offered' | 'done' | 'refused' | 'unknown', number>> {
  const { capacity, everyMs, maxRunning, burst, overload, stallMs = 0 } = load;
  const { time, clock } = virtualClock();
  const admission = new Admission(clock, {
    ...{ maxRunning, maxRunningWeight: Infinity, maxWaiting: 10_000, maxWaitingWeight: Infinity },
  });
  const outcomes = { offered: 0, done: 0, refused: 0, unknown: 0 };
  const underWay = new Set<() => void>();
  const run = (deadline: number): void => {
    let isOver = false;
    const end = (outcome: 'done' | 'unknown'): void => {
      if (isOver) return;
      isOver = true;
      outcomes[outcome]++;
      admission.leave(0, deadline);
    };
    // One that nobody waits for any more takes its share of the work all the same.
    underWay.add(() => {
      end('done');
    });
    clock.after(deadline - clock.now(), () => {
      end('unknown');
    });
  };
  const offer = (): void => {
    for (let i = 0; i < burst; i++) {
      const deadline = clock.now() + TIMEOUT_MS;
      outcomes.offered++;
      admission.enter(deadline).then(
        () => {
          run(deadline);
        },
        (error: unknown) => {
          expect(error).toBeInstanceOf(OperationError);
          outcomes.refused++;
        },
      );
    }
    if (clock.now() < DURATION_MS) clock.after((burst / (capacity * overload)) * 1000, offer);
  };
  let credit = 0;
  const work = (): void => {
    const isStalled = Math.abs(clock.now() - DURATION_MS / 2) < stallMs / 2;
    credit = Math.min(credit + (isStalled ? 0 : (capacity * everyMs) / 1000), capacity);
    for (const finish of underWay) {
      if (credit < 1) break;
      credit--;
      underWay.delete(finish);
      finish();
    }
    if (clock.now() < DURATION_MS + TIMEOUT_MS) clock.after(everyMs, work);
  };
  offer();
  work();
  await time.run(DURATION_MS + 2 * TIMEOUT_MS);
  expect(outcomes.done + outcomes.refused + outcomes.unknown).toBe(outcomes.offered);
  expect(admission.pending).toBe(0);
  return outcomes;
}

test.each<Load & { readonly mostUnknown?: number }>([
  { capacity: 50, everyMs: 10, maxRunning: 25, burst: 1, overload: 10 },
  { capacity: 50, everyMs: 100, maxRunning: 25, burst: 100, overload: 10 },
  { capacity: 50, everyMs: 1000, maxRunning: 50, burst: 500, overload: 10 },
  { capacity: 50, everyMs: 100, maxRunning: 7, burst: 5, overload: 10 },
  { capacity: 50, everyMs: 100, maxRunning: 25, burst: 10, overload: 1.2 },
  // What runs when the cluster stops is lost.
  { capacity: 50, everyMs: 100, maxRunning: 25, burst: 10, overload: 10, stallMs: 3000, mostUnknown: 0.1 },
  // Nearly as much may run at a time as can be done in time: how fast the cluster is must be found out first.
  { capacity: 50, everyMs: 100, maxRunning: 175, burst: 10, overload: 10, mostUnknown: 0.2 },
])(
  'under overload useful work goes on: %j',
  async (load) => {
    const { done, unknown } = await outcomesOf(load);
    const seconds = (DURATION_MS - (load.stallMs ?? 0)) / 1000;
    expect(done / (load.capacity * seconds)).toBeGreaterThan(0.7);
    expect(unknown / (done + unknown)).toBeLessThan(load.mostUnknown ?? 0.05);
  },
  60_000,
);
