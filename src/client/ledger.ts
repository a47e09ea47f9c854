import { CLIENT_ERRORS, NoServer, OperationFailed, OutcomeUnknown } from './errors';
import type { AttemptFailed, ClientError } from './errors';

/** In less time no server can be expected to answer. */
const SHORTEST_RETRY_MS = 50;

/** Keeps account of one operation's failed attempts: what do they say, together, about its outcome? */
export class Ledger {
  readonly #write: boolean;
  readonly #latest = new Map<string, AttemptFailed>();
  #definite = true;
  #answered: AttemptFailed | undefined;
  #refusal: AttemptFailed | undefined;
  #last: AttemptFailed | undefined;
  #longestVerdictMs = 0;

  constructor(write: boolean) {
    this.#write = write;
  }

  record(server: string, failure: AttemptFailed, durationMs: number): void {
    this.#latest.set(server, failure);
    this.#last = failure;
    if (this.#write && !failure.definite) this.#definite = false;
    if (failure.code === undefined) return;
    this.#answered = failure;
    if (!failure.retry) this.#refusal = failure;
    this.#longestVerdictMs = Math.max(this.#longestVerdictMs, durationMs);
  }

  /** True while the operation surely had no effect. */
  get definite(): boolean {
    return this.#definite;
  }

  /**
   * Whether an attempt that may last `timeoutMs` is worth it. One too short for a server's verdict would only turn a
   * sure failure into an unknown outcome, and a clear reason into a lack of answer.
   */
  worthwhile(timeoutMs: number): boolean {
    if (this.#last === undefined) return timeoutMs > 0;
    return (
      timeoutMs > (this.#definite ? Math.max(this.#longestVerdictMs, SHORTEST_RETRY_MS) : SHORTEST_RETRY_MS)
    );
  }

  /** The error to end the operation with. `why` is a phrase such as `no answer within 10000 ms`. */
  verdict(why: string, cancelled: boolean): ClientError {
    const details = this.#details();
    const message = details === '' ? why : `${why} (${details})`;
    const options = this.#last && { cause: this.#last };
    const code = (this.#refusal ?? this.#answered)?.code;
    if (!this.#definite) {
      const refused = this.#refusal?.code;
      return new OutcomeUnknown(message, refused === undefined ? options : { ...options, code: refused });
    }
    if (cancelled) return new OperationFailed(CLIENT_ERRORS.cancelled.code, message, options);
    return code === undefined ? new NoServer(message, options) : new OperationFailed(code, message, options);
  }

  /** The latest failure at each server; servers that failed alike are named together. */
  #details(): string {
    const alike = new Map<string, string[]>();
    for (const [server, failure] of this.#latest) {
      const message = failure.message.replace(/\.$/, '');
      alike.set(message, [...(alike.get(message) ?? []), server]);
    }
    return [...alike].map(([message, servers]) => `${servers.join(', ')}: ${message}`).join('; ');
  }
}
