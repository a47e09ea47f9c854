import type { Clock, Random } from '../core/environment';
import { OperationError } from '../core/errors';
import type { Replica } from '../core/replica';
import type { Command, Result } from '../kv/commands';
import type { KeyValueStore } from '../kv/store';

/** All servers find their tables full at about the same time. So long after the first proposal it is carried out mostly. */
const SPREAD_MS = 250;

export interface ForgettingParts {
  readonly replica: Replica<Command, Result>;
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
  /** Hears of an error after which the server must stop. */
  readonly fail: (error: unknown) => void;
}

/** Proposes to forget clients, one proposal at a time, when the own table of sessions is full. */
export class Forgetting {
  readonly #parts: ForgettingParts;
  #isUnderWay = false;

  constructor(parts: ForgettingParts) {
    this.#parts = parts;
  }

  /** To be called with every write: the server that proposed at first may be gone. */
  notice(): void {
    const { store, clock, random, fail } = this.#parts;
    if (this.#isUnderWay || !store.sessions.isFull) return;
    this.#isUnderWay = true;
    clock.after(random.float() * SPREAD_MS, () => {
      this.#propose()
        .catch(fail)
        .finally(() => {
          this.#isUnderWay = false;
        });
    });
  }

  async #propose(): Promise<void> {
    const { store, replica, timeoutMs } = this.#parts;
    const { isFull, epoch } = store.sessions;
    if (!isFull) return;
    try {
      // Chosen twice it is carried out once: it names the epoch that it ends.
      await replica.submit({ op: 'forget', epoch, session: null }, timeoutMs, true);
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
    }
  }
}
