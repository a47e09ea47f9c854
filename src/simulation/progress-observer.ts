import type { ServerId, Slot } from '../core/ballot';
import type { Observer } from './observer';

const EVENTS_PER_CHECK = 8;

interface Applying {
  readonly id: ServerId;
  /** Counts the starts. */
  readonly incarnation: number;
  /** Undefined while it is down. */
  readonly applied: Slot | undefined;
}

/** What a server has applied stays applied, as long as it runs. Looked at often enough to see it go back. */
export class ProgressObserver {
  readonly #observer: Observer;
  readonly #seen: { readonly incarnation: number; readonly applied: Slot }[] = [];
  #sinceCheck = 0;

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  /** To be called after each event. */
  check(servers: readonly Applying[]): void {
    if (++this.#sinceCheck < EVENTS_PER_CHECK) return;
    this.#sinceCheck = 0;
    for (const { id, incarnation, applied } of servers) {
      if (applied === undefined) continue;
      const before = this.#seen[id];
      if (before?.incarnation === incarnation && applied < before.applied)
        this.#observer.fail('applied goes back', `server ${id}: ${applied} after ${before.applied}`);
      if (before?.applied !== applied) this.#seen[id] = { incarnation, applied };
    }
  }
}
