import { closeSync, openSync, writeSync } from 'node:fs';
import type { History, HistoryEvent } from '../../history/history';
import { formatEvent, formatHeader } from '../../history/json-lines';

/** Writes a history line by line as it happens, so that a killed program leaves a file that can be checked. */
export class HistoryWriter {
  readonly #file: number;
  readonly #failed = new AbortController();
  #failure: string | undefined;
  #isClosed = false;

  /** Overwrites the file. Throws when it cannot be written. */
  constructor(path: string, initial: History['initial']) {
    this.#file = openSync(path, 'w');
    this.#write(formatHeader(initial));
  }

  /** Why the file is not complete; undefined while it is. Nothing more is written after a failure. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Aborted at the first failure: what is done from then on is not recorded. */
  get signal(): AbortSignal {
    return this.#failed.signal;
  }

  /** Does nothing after a failure, or after `close`. */
  event(event: HistoryEvent): void {
    if (this.#failure === undefined && !this.#isClosed) this.#write(formatEvent(event));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#file);
  }

  #write(line: string): void {
    try {
      let rest: Buffer = Buffer.from(`${line}\n`);
      // A disk that is about to be full takes a part only.
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#file, rest));
    } catch (error) {
      this.#failure = (error as Error).message;
      this.#failed.abort();
    }
  }
}
