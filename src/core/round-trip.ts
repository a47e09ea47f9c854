import type { Clock } from './environment';

/** Weights of a new sample, and the deviations that a patient caller adds [RFC 6298, 2]. */
const MEAN_WEIGHT = 1 / 8;
const DEVIATION_WEIGHT = 1 / 4;
const DEVIATIONS = 4;
/** A longer sample counts as this: a clock that jumped, or a machine that slept, tells nothing of the network. */
const LONGEST_MS = 1000;
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
    const error = Math.min(durationMs, LONGEST_MS) - this.#meanMs;
    this.#meanMs += MEAN_WEIGHT * error;
    this.#deviationMs += DEVIATION_WEIGHT * (Math.abs(error) - this.#deviationMs);
  }

  /** Observes how long the call takes, if it is answered. */
  async measure<Reply>(clock: Pick<Clock, 'now'>, call: Promise<Reply>): Promise<Reply> {
    const askedAt = clock.now();
    const reply = await call;
    this.observe(clock.now() - askedAt);
    return reply;
  }

  get meanMs(): number {
    return this.#meanMs;
  }

  /** After this long an answer that has not come is probably lost. */
  get patienceMs(): number {
    return this.#meanMs + DEVIATIONS * this.#deviationMs;
  }
}
