import type { ServerId } from '../../core/ballot';
import type { Rounds } from './rounds';

/** Ids of the values that one server makes: `server.incarnation.number`, each used once in the life of the cluster. */
export class ValueIds {
  readonly #self: ServerId;
  #incarnation = 0;
  #values = 0;

  constructor(self: ServerId) {
    this.#self = self;
  }

  /** 0 before the server has started: without a number of its own incarnation a value could be taken for another one. */
  get incarnation(): number {
    return this.#incarnation;
  }

  /** A round is unique for ever, so it tells this incarnation's values from those of all others. */
  async begin(rounds: Rounds): Promise<void> {
    this.#incarnation = await rounds.next(0);
  }

  next(): string {
    return `${this.#self}.${this.#incarnation}.${++this.#values}`;
  }
}
