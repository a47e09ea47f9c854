const WIDTH = 24;
const REPORT_MS = 5000;

/** A sign of life on standard error: a bar that is drawn anew on a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #total: number;
  readonly #unit: string;
  readonly #beganMs = performance.now();
  #reportedMs = this.#beganMs;
  #done = 0;

  constructor(total: number, unit: string) {
    this.#total = total;
    this.#unit = unit;
  }

  /** One more is done. `note` says how it goes. */
  step(note: string): void {
    this.#done++;
    this.note(note);
  }

  /** Nothing more is done yet, and this is how it goes. */
  note(note: string): void {
    const now = performance.now();
    const text = `${this.#done} of ${this.#total} ${this.#unit}, ${note}`;
    if (process.stderr.isTTY) {
      if (now - this.#reportedMs < 100 && this.#done < this.#total) return;
      const filled = Math.round((WIDTH * this.#done) / this.#total);
      const bar = `[${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${text}`;
      process.stderr.write(`\r\x1b[K${bar.slice(0, process.stderr.columns - 1)}`);
    } else {
      if (now - this.#reportedMs < REPORT_MS) return;
      process.stderr.write(`${text}\n`);
    }
    this.#reportedMs = now;
  }

  /** Makes room for what is said next. */
  clear(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }
}
