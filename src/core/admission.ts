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
  readonly enter: () => void;
}

/** Lets so many operations run at a time; further ones wait in order, and more than that are refused. */
export class Admission {
  readonly #clock: Clock;
  readonly #limits: AdmissionLimits;
  readonly #waiting = new Set<Waiter>();
  #waitingWeight = 0;
  #running = 0;
  #runningWeight = 0;

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
    return new Promise((resolve, reject) => {
      const cancel: Cancel = this.#clock.after(Math.max(0, deadline - this.#clock.now()), () => {
        this.#remove(waiter);
        reject(new OperationError('overloaded', 'other operations kept this server busy for the whole time'));
        this.#admitNext();
      });
      const waiter: Waiter = {
        weight,
        enter: () => {
          cancel();
          resolve();
        },
      };
      this.#waiting.add(waiter);
      this.#waitingWeight += weight;
    });
  }

  /** Makes room for those that have waited longest. */
  leave(weight = 0): void {
    this.#running--;
    this.#runningWeight -= weight;
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
      this.#remove(waiter);
      this.#start(waiter.weight);
      waiter.enter();
    }
  }

  #remove(waiter: Waiter): void {
    this.#waiting.delete(waiter);
    this.#waitingWeight -= waiter.weight;
  }
}
