import type { Observer } from './observer';

/** More than servers do of their own between two events, however much comes together. */
const MOST_TURNS = 300_000;

/**
 * Notices code that goes on and on between two events, where no time passes: by its looks at the clock, its writes and
 * its traces. What touches nothing at all is ended from outside (src/cli/simulate/thread.ts).
 */
export class Spins {
  readonly #observer: Observer;
  #turns = 0;

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  /** The next event happens. */
  rest(): void {
    this.#turns = 0;
  }

  /** Somebody does something. Throws to whoever spins, so that it ends. */
  turn(): void {
    if (++this.#turns <= MOST_TURNS) return;
    this.#observer.fail('spins', `${MOST_TURNS} turns and no event`);
    throw new Error('a simulated server spins');
  }
}
