/** What a check may spend. Left out: no limit, but for the default of `configurations`. */
export interface Budget {
  /** Steps of the search. */
  readonly steps?: number | undefined;
  /** Remembered configurations of one key: 150 to 400 bytes each. */
  readonly configurations?: number | undefined;
  /** A monotonic clock in milliseconds, and how much of it the check may take. */
  readonly time?: { readonly nowMs: () => number; readonly limitMs: number } | undefined;
}

const CONFIGURATIONS = 1_000_000;
const STEPS_PER_LOOK_AT_CLOCK = 256;

/** Counts what a check spends. */
export class Meter {
  readonly #configurations: number;
  readonly #nowMs: (() => number) | undefined;
  readonly #deadlineMs: number;
  readonly #steps: number;
  #spentSteps = 0;
  #spentConfigurations = 0;
  #phaseSteps = Infinity;
  #phaseDeadlineMs = Infinity;
  #sliceSteps = Infinity;
  #sliceDeadlineMs = Infinity;
  #exhausted: string | undefined;

  constructor({ steps = Infinity, configurations = CONFIGURATIONS, time }: Budget) {
    this.#steps = steps;
    this.#configurations = configurations;
    this.#nowMs = time?.nowMs;
    this.#deadlineMs = time === undefined ? Infinity : time.nowMs() + time.limitMs;
    this.phase(1);
  }

  /** What ran out in this slice, for people; undefined while nothing has. */
  get exhausted(): string | undefined {
    return this.#exhausted;
  }

  get steps(): number {
    return this.#spentSteps;
  }

  /** Begins a phase of many searches, which together get this share of what is left of steps and time. */
  phase(share: number): void {
    const now = this.#nowMs?.() ?? 0;
    this.#phaseSteps = this.#spentSteps + (this.#steps - this.#spentSteps) * share;
    this.#phaseDeadlineMs = now + (this.#deadlineMs - now) * share;
    this.slice(1);
  }

  /** Begins one of several searches, which gets this share of what the phase has left, and all the memory. */
  slice(share: number): void {
    this.#exhausted = undefined;
    this.#spentConfigurations = 0;
    this.#sliceSteps = this.#spentSteps + (this.#phaseSteps - this.#spentSteps) * share;
    const now = this.#nowMs?.() ?? 0;
    this.#sliceDeadlineMs = now + (this.#phaseDeadlineMs - now) * share;
    this.#look();
  }

  /** False: stop, the budget is spent. */
  spendStep(): boolean {
    if (++this.#spentSteps > this.#sliceSteps) this.#exhausted ??= 'the budget of steps is spent';
    if (this.#spentSteps % STEPS_PER_LOOK_AT_CLOCK === 0) this.#look();
    return this.#exhausted === undefined;
  }

  spendConfiguration(): void {
    if (++this.#spentConfigurations > this.#configurations)
      this.#exhausted ??= 'the budget of remembered configurations is spent';
  }

  #look(): void {
    if (this.#nowMs !== undefined && this.#nowMs() >= this.#sliceDeadlineMs)
      this.#exhausted ??= 'the budget of time is spent';
  }
}
