import type { HistoryEvent, Request, Response } from './history';

/**
 * Turns what clients do into one stream of events. All of them must be recorded by one process: an operation that
 * ended before another one began is then surely recorded so.
 */
export class Recorder {
  readonly #nowMs: () => number;
  readonly #record: (event: HistoryEvent) => void;
  #lastId = 0;

  /** `nowMs` is for people only; the order of the calls of `record` is the order of the history. */
  constructor(nowMs: () => number, record: (event: HistoryEvent) => void) {
    this.#nowMs = nowMs;
    this.#record = record;
  }

  /** To be called before the request is sent. Gives the id for its end. */
  invoke(client: string, request: Request): number {
    const id = ++this.#lastId;
    this.#record({ type: 'invoke', id, client, timeMs: this.#nowMs(), ...request });
    return id;
  }

  /** To be called once the answer is here. */
  ok(id: number, response: Response, server?: string): void {
    this.#record({ type: 'ok', id, server, timeMs: this.#nowMs(), ...response });
  }

  /** The operation surely had no effect. */
  fail(id: number, error: string): void {
    this.#record({ type: 'fail', id, error, timeMs: this.#nowMs() });
  }

  /** Nobody knows whether it had one, or will have. */
  unknown(id: number, error: string): void {
    this.#record({ type: 'unknown', id, error, timeMs: this.#nowMs() });
  }
}
