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

/** So long operations leave while others wait, before their rate says how long it takes. */
const MEASURE_MS = 500;

/**
 * Lets so many operations run at a time; further ones wait in order, and more than that are refused. So are those that
 * cannot be done by their deadline at the rate at which operations leave: at once, or when their turn comes too late.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #limits: AdmissionLimits;
  readonly #waiting = new Set<Waiter>();
  #waitingWeight = 0;
  #running = 0;
  #runningWeight = 0;
  /** Since when operations wait without a break, or since the rate was last taken; who left since then. */
  #measuredFrom = 0;
  #left = 0;
  /** Operations that leave per millisecond while others wait; undefined before it was measured. */
  #rate: number | undefined;

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
    if (this.#waiting.size === 0 && this.#fits(weight)) {
      this.#start(weight);
      return Promise.resolve();
    }
    const { maxWaiting, maxWaitingWeight } = this.#limits;
    if (this.#waiting.size >= maxWaiting || this.#waitingWeight + weight > maxWaitingWeight)
      return Promise.reject(
        new OperationError('overloaded', `${this.#waiting.size} operations are waiting already`),
      );
    const neededMs = this.#msFor(this.#running + this.#waiting.size + 1);
    if (this.#clock.now() + neededMs > deadline)
      return Promise.reject(
        new OperationError('overloaded', `what waits already takes ${Math.ceil(neededMs)} ms`),
      );
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
      if (this.#waiting.size === 0) this.#measure();
      this.#waiting.add(waiter);
      this.#waitingWeight += weight;
    });
  }

  /** Makes room for those that have waited longest. */
  leave(weight = 0): void {
    this.#running--;
    this.#runningWeight -= weight;
    if (this.#waiting.size > 0) this.#left++;
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
    if (this.#waiting.size === 0) this.#rate = undefined;
  }

  /** Begins to measure the rate. */
  #measure(): void {
    this.#measuredFrom = this.#clock.now();
    this.#left = 0;
  }

  /** How long it takes until so many have left; 0 as long as that is not known. */
  #msFor(operations: number): number {
    const elapsedMs = this.#clock.now() - this.#measuredFrom;
    if (this.#waiting.size > 0 && elapsedMs >= MEASURE_MS) {
      // The one more is as good as gone: with a rate of 0 nothing would ever be let in again.
      this.#rate = (this.#left + 1) / elapsedMs;
      this.#measure();
    }
    return this.#rate === undefined ? 0 : operations / this.#rate;
  }
}
