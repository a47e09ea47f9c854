import { LIMITS } from '../api/methods';

const OUTSTANDING_WRITES = 32;

interface Waiting {
  readonly start: (sequence: number) => void;
}

/** A place in the queue of writes. */
export interface Ticket {
  readonly sequence: Promise<number>;
  /** Leaves the queue. False: too late, the sequence was given already. */
  withdraw(): boolean;
}

/**
 * Numbers the writes of one client, in the order of their calls, and holds back those that come too fast: the oldest
 * one in progress must stay among the sequences that servers remember, or a retry of it could not be recognised.
 */
export class Window {
  readonly #waiting = new Set<Waiting>();
  /** In increasing order, as sequences are given in that order. */
  readonly #outstanding = new Set<number>();
  #next = 1;

  enter(): Ticket {
    let waiting: Waiting | undefined;
    const sequence = new Promise<number>((resolve) => {
      waiting = { start: resolve };
      this.#waiting.add(waiting);
    });
    this.#advance();
    return { sequence, withdraw: () => waiting !== undefined && this.#waiting.delete(waiting) };
  }

  leave(sequence: number): void {
    this.#outstanding.delete(sequence);
    this.#advance();
  }

  #advance(): void {
    for (const waiting of this.#waiting) {
      const [oldest = this.#next] = this.#outstanding;
      if (this.#outstanding.size >= OUTSTANDING_WRITES || this.#next - oldest >= LIMITS.keptSequences) return;
      this.#waiting.delete(waiting);
      this.#outstanding.add(this.#next);
      waiting.start(this.#next++);
    }
  }
}
