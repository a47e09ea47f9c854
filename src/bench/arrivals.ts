import type { Random } from '../core/environment';

export type ArrivalKind = 'constant' | 'poisson';

/** When the operations of an open loop are to be sent, whatever became of the earlier ones. */
export class Arrivals {
  readonly #meanGapMs: number;
  readonly #random: Random | undefined;
  #dueMs = 0;

  constructor(kind: ArrivalKind, operationsPerSecond: number, random: Random) {
    this.#meanGapMs = 1000 / operationsPerSecond;
    this.#random = kind === 'poisson' ? random : undefined;
  }

  /** Time of the next arrival, in milliseconds since the start. */
  next(): number {
    const factor = this.#random === undefined ? 1 : -Math.log(1 - this.#random.float());
    this.#dueMs += factor * this.#meanGapMs;
    return this.#dueMs;
  }
}
