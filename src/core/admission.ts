import type { Cancel, Clock } from './environment';
import { OperationError } from './errors';

/** Lets so many operations run at a time; further ones wait in order, and more than that are refused. */
export class Admission {
  readonly #clock: Clock;
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<{ readonly enter: () => void }>();
  #running = 0;

  constructor(clock: Clock, limits: { readonly maxRunning: number; readonly maxWaiting: number }) {
    this.#clock = clock;
    this.#maxRunning = limits.maxRunning;
    this.#maxWaiting = limits.maxWaiting;
  }

  /** Operations running and waiting. */
  get pending(): number {
    return this.#running + this.#waiting.size;
  }

  /** Resolves when it is the caller's turn, who must call `leave` then. Rejects with OperationError when it is not by `deadline`. */
  enter(deadline: number): Promise<void> {
    if (this.#running < this.#maxRunning) {
      this.#running++;
      return Promise.resolve();
    }
    if (this.#waiting.size >= this.#maxWaiting)
      return Promise.reject(
        new OperationError('overloaded', `${this.#waiting.size} operations are waiting already`),
      );
    return new Promise((resolve, reject) => {
      const cancel: Cancel = this.#clock.after(Math.max(0, deadline - this.#clock.now()), () => {
        this.#waiting.delete(waiter);
        reject(new OperationError('overloaded', 'other operations kept this server busy for the whole time'));
      });
      const waiter = {
        enter: (): void => {
          cancel();
          resolve();
        },
      };
      this.#waiting.add(waiter);
    });
  }

  /** Hands the place to the one that has waited longest. */
  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running--;
      return;
    }
    this.#waiting.delete(next);
    next.enter();
  }
}
