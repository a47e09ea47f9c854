import { closeSync, openSync, writeSync } from 'node:fs';
import type { History, HistoryEvent } from '../../history/history';
import { formatEvent, formatHeader } from '../../history/json-lines';

/** Writes a history line by line as it happens, so that a killed program leaves a file that can be checked. */
export class HistoryWriter {
  readonly #file: number;
  #failure: string | undefined;

  /** Overwrites the file. Throws when it cannot be written. */
  constructor(path: string, initial: History['initial']) {
    this.#file = openSync(path, 'w');
    this.#write(formatHeader(initial));
  }

  /** Why the file is not complete; undefined while it is. Nothing more is written after a failure. */
  get failure(): string | undefined {
    return this.#failure;
  }

  event(event: HistoryEvent): void {
    if (this.#failure === undefined) this.#write(formatEvent(event));
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(line: string): void {
    try {
      writeSync(this.#file, `${line}\n`);
    } catch (error) {
      this.#failure = (error as Error).message;
    }
  }
}
