import type { Clock } from '../core/environment';

/** Lines of the log about one server: it tries again many times a second, and whoever takes its name may say anything. */
const PAUSE_MS = 60_000;

/** Tells of each refusal between servers once, not at each of the tries that follow. */
export class Refusals {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #warn: (message: string, reason: string) => void;
  readonly #told = new Map<string, { readonly reason: string; readonly at: number }>();

  constructor(clock: Pick<Clock, 'now'>, warn: (message: string, reason: string) => void) {
    this.#clock = clock;
    this.#warn = warn;
  }

  /** `message` says who refuses whom; undefined: nobody does any more. */
  note(message: string, reason: string | undefined): void {
    if (reason === undefined) {
      this.#told.delete(message);
      return;
    }
    const told = this.#told.get(message);
    const at = this.#clock.now();
    if (told !== undefined && (told.reason === reason || at - told.at < PAUSE_MS)) return;
    this.#told.set(message, { reason, at });
    this.#warn(message, reason);
  }
}
