import type { ServerId } from '../../core/ballot';
import type { Environment } from '../../core/environment';
import type { Json } from '../../core/json';
import type { LeaderLease } from '../../core/replica';

/** Where it is stored how long a grant of this server may last. */
const LONGEST = 'acceptor/longest-grant-ms';

/**
 * How long a grant surely holds, on the leader's clock, from the moment the heartbeat for it was sent. The follower's
 * clock may be fast by the drift and end the grant early, the leader's slow by it and notice late.
 */
export function safeMs({ durationMs, maxDrift }: LeaderLease): number {
  return (durationMs * (1 - maxDrift)) / (1 + maxDrift);
}

/** What a server has granted: until then it promises nothing to any other candidate [Ongaro, 6.4.1]. */
export class Grant {
  readonly #environment: Environment;
  readonly #durationMs: number;
  #storedMs = 0;
  #holder: ServerId | undefined;
  #until = -Infinity;
  /** Until then somebody may count on a grant of which this server knows nothing since it was restarted. */
  #forgottenUntil = -Infinity;

  constructor(environment: Environment, lease: LeaderLease | undefined) {
    this.#environment = environment;
    this.#durationMs = lease?.durationMs ?? 0;
  }

  /** Takes back one stored entry. Entries of other roles are left alone. */
  recover(key: string, stored: Json): void {
    if (key === LONGEST) this.#storedMs = stored as number;
  }

  /**
   * After the last entry is taken back, and before the first grant: for as long as an earlier one can last this server
   * elects nobody, whoever asks. How long that is is stored, because the duration may have been another one.
   */
  async recovered(): Promise<void> {
    const { clock, fail } = this.#environment;
    const storedMs = this.#storedMs;
    this.#forgottenUntil = clock.now() + storedMs;
    if (this.#durationMs > storedMs) await this.#store();
    else if (this.#durationMs < storedMs)
      clock.after(storedMs, () => {
        this.#store().catch(fail);
      });
  }

  /** The leader `holder` was heard. */
  renew(holder: ServerId): void {
    if (this.#durationMs === 0) return;
    this.#holder = holder;
    this.#until = this.#environment.clock.now() + this.#durationMs;
  }

  forbids(candidate: ServerId): boolean {
    const now = this.#environment.clock.now();
    return now < this.#forgottenUntil || (candidate !== this.#holder && now < this.#until);
  }

  #store(): Promise<void> {
    return this.#environment.storage.write([{ key: LONGEST, value: this.#durationMs }]);
  }
}
