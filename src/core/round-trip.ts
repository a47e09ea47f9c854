/** Weights of a new sample, and the deviations that a patient caller adds [RFC 6298, 2]. */
const MEAN_WEIGHT = 1 / 8;
const DEVIATION_WEIGHT = 1 / 4;
const DEVIATIONS = 4;
/** Before the first sample: a guess for one local network. */
const INITIAL_MS = 10;

/**
 * How long a call to another server takes, smoothed. Pauses that follow it adapt to a slow disk or a busy machine;
 * fixed ones would send everything twice just when there is too much to do already.
 */
export class RoundTrip {
  #meanMs = INITIAL_MS;
  #deviationMs = INITIAL_MS / 2;

  /** One call that was answered took this long. */
  observe(durationMs: number): void {
    const error = durationMs - this.#meanMs;
    this.#meanMs += MEAN_WEIGHT * error;
    this.#deviationMs += DEVIATION_WEIGHT * (Math.abs(error) - this.#deviationMs);
  }

  get meanMs(): number {
    return this.#meanMs;
  }

  /** After this long an answer that has not come is probably lost. */
  get patienceMs(): number {
    return this.#meanMs + DEVIATIONS * this.#deviationMs;
  }
}
