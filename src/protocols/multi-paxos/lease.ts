import type { ServerId } from '../../core/ballot';
import type { Clock } from '../../core/environment';
import type { LeaderLease } from '../../core/replica';

/**
 * How long a grant surely holds, on the leader's clock, from the moment the heartbeat for it was sent. The follower's
 * clock may be fast by the drift and end the grant early, the leader's slow by it and notice late.
 */
export function safeMs({ durationMs, maxDrift }: LeaderLease): number {
  return (durationMs * (1 - maxDrift)) / (1 + maxDrift);
}

/** What a server has granted: until then it promises nothing to any other candidate [Ongaro, 6.4.1]. */
export class Grant {
  readonly #clock: Clock;
  readonly #lease: LeaderLease | undefined;
  #holder: ServerId | undefined;
  #until = -Infinity;

  constructor(clock: Clock, lease: LeaderLease | undefined) {
    this.#clock = clock;
    this.#lease = lease;
  }

  /** After a restart this server does not know what it had granted: for the whole duration it elects nobody. */
  forget(): void {
    this.#extend(undefined);
  }

  /** The leader `holder` was heard. */
  renew(holder: ServerId): void {
    this.#extend(holder);
  }

  forbids(candidate: ServerId): boolean {
    return candidate !== this.#holder && this.#clock.now() < this.#until;
  }

  #extend(holder: ServerId | undefined): void {
    if (this.#lease === undefined) return;
    this.#holder = holder;
    this.#until = this.#clock.now() + this.#lease.durationMs;
  }
}
