import type { Cancel, Clock } from './environment';
import { OperationError } from './errors';

export interface AdmissionLimits {
  /** Operations that run at a time, and their weight together. One operation may always run, whatever it weighs. */
  readonly maxRunning: number;
  readonly maxRunningWeight: number;
  /** Operations that wait, and their weight together; more are refused. */
  readonly maxWaiting: number;
  readonly maxWaitingWeight: number;
}

interface Waiter {
  readonly weight: number;
  readonly deadline: number;
  readonly enter: () => void;
  readonly refuse: (why: string) => void;
}

/** The shortest and the longest time in which the rate at which operations are done is measured. */
const MEASURE_MS = 500;
const LONGEST_MEASURE_MS = 2000;
/** So long after the last one had to wait, or was refused, the rate still counts: what ran then may still be under way. */
const REMEMBER_MS = 5000;
/** Times are estimates: half of the operations that just fit would end after their deadline. */
const MARGIN = 1.25;

/**
 * Lets so many operations run at a time; further ones wait in order, and more than that are refused. So are those that
 * cannot be done by their deadline at the rate at which others are done: at once, or when their turn comes too late.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #limits: AdmissionLimits;
  readonly #waiting = new Set<Waiter>();
  #waitingWeight = 0;
  #running = 0;
  #runningWeight = 0;
  /** Since when the rate is measured, how many ran then, and how many were done since then. */
  #measuredFrom = 0;
  #ranThen = 0;
  #done = 0;
  /** Operations done per millisecond while others waited; undefined before it was measured. */
  #rate: number | undefined;
  /** When an operation last began or ceased to wait, or was refused. */
  #crowdedAt = -Infinity;

  constructor(clock: Clock, limits: AdmissionLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Operations running and waiting. */
  get pending(): number {
    return this.#running + this.#waiting.size;
  }

  /**
   * Resolves when it is the caller's turn, who must call `leave` with the same weight then. Rejects with OperationError
   * when it is not by `deadline`.
   */
  enter(deadline: number, weight = 0): Promise<void> {
    const mayStart = this.#waiting.size === 0 && this.#fits(weight);
    if (!mayStart) this.#crowd();
    const { maxWaiting, maxWaitingWeight } = this.#limits;
    if (!mayStart && (this.#waiting.size >= maxWaiting || this.#waitingWeight + weight > maxWaitingWeight))
      return refusal(`${this.#waiting.size} operations are waiting already`);
    if (this.#running > 0 && this.#isCrowded) {
      const neededMs = this.#msFor(this.#running + this.#waiting.size + 1);
      if (this.#clock.now() + neededMs > deadline) {
        this.#crowd();
        return refusal(`what is under way already takes ${Math.ceil(neededMs)} ms`);
      }
    }
    if (mayStart) {
      this.#start(weight);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const cancel: Cancel = this.#clock.after(Math.max(0, deadline - this.#clock.now()), () => {
        this.#remove(waiter);
        waiter.refuse('other operations kept this server busy for the whole time');
        this.#admitNext();
      });
      const waiter: Waiter = {
        weight,
        deadline,
        enter: () => {
          cancel();
          resolve();
        },
        refuse: (why) => {
          cancel();
          reject(new OperationError('overloaded', why));
        },
      };
      this.#waiting.add(waiter);
      this.#waitingWeight += weight;
    });
  }

  /** Makes room for those that have waited longest. Who leaves at its deadline was not done in time. */
  leave(weight = 0, deadline = Infinity): void {
    this.#running--;
    this.#runningWeight -= weight;
    if (this.#clock.now() < deadline) this.#done++;
    this.#admitNext();
  }

  #fits(weight: number): boolean {
    const { maxRunning, maxRunningWeight } = this.#limits;
    return (
      this.#running === 0 || (this.#running < maxRunning && this.#runningWeight + weight <= maxRunningWeight)
    );
  }

  #start(weight: number): void {
    this.#running++;
    this.#runningWeight += weight;
  }

  #admitNext(): void {
    for (const waiter of this.#waiting) {
      if (!this.#fits(waiter.weight)) return;
      const isLate =
        this.#running > 0 && this.#clock.now() + this.#msFor(this.#running + 1) > waiter.deadline;
      this.#remove(waiter);
      // Begun, it would most likely end as a write of unknown outcome.
      if (isLate) {
        waiter.refuse('its turn came too late to be done in time');
        continue;
      }
      this.#start(waiter.weight);
      waiter.enter();
    }
  }

  #remove(waiter: Waiter): void {
    this.#waiting.delete(waiter);
    this.#waitingWeight -= waiter.weight;
    this.#crowdedAt = this.#clock.now();
  }

  /** Whether operations had to wait just now. Without a crowd, they are done at the rate at which they come. */
  get #isCrowded(): boolean {
    return this.#waiting.size > 0 || this.#clock.now() - this.#crowdedAt < REMEMBER_MS;
  }

  /** An operation has to wait, or is refused. */
  #crowd(): void {
    if (!this.#isCrowded) {
      this.#rate = undefined;
      this.#measure();
    }
    this.#crowdedAt = this.#clock.now();
  }

  /** Begins to measure the rate. */
  #measure(): void {
    this.#measuredFrom = this.#clock.now();
    this.#ranThen = this.#running;
    this.#done = 0;
  }

  /** How long it takes until so many are done; 0 as long as that is not known. */
  #msFor(operations: number): number {
    const elapsedMs = this.#clock.now() - this.#measuredFrom;
    // They may end in bursts, of which the first one tells nothing: so only when as many are done as ran.
    const isMeasured = elapsedMs >= MEASURE_MS && this.#done >= Math.max(1, this.#ranThen);
    if (isMeasured || elapsedMs >= LONGEST_MEASURE_MS) {
      // The one more keeps a rate of 0 from refusing for ever.
      const rate = (this.#done + 1) / elapsedMs;
      // With nobody waiting, no more are done than come: that shows what can be done at least.
      this.#rate = this.#waiting.size > 0 ? rate : Math.max(rate, this.#rate ?? 0);
      this.#measure();
      return (MARGIN * operations) / this.#rate;
    }
    // At best, all that run are done now: the cluster may have become slower.
    const best = elapsedMs >= MEASURE_MS ? (this.#done + this.#running) / elapsedMs : Infinity;
    return (MARGIN * operations) / Math.min(this.#rate ?? Infinity, best);
  }
}

function refusal(why: string): Promise<never> {
  return Promise.reject(new OperationError('overloaded', why));
}
