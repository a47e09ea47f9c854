import type { Meter } from './budget';
import { prepare, type Candidate, type EarlierReads, type Open } from './candidates';
import { isBlind, isObserver, REFUSED, step, TEST, type Rule, type Values } from './model';
import type { KeyOperation } from './partition';
import { Pending } from './pending';
import { Bits, Visited } from './visited';

/** One step taken, and how to go on with the next one instead. */
interface Frame {
  readonly state: number;
  readonly mode: number;
  /** How many operations had been taken before. */
  readonly taken: number;
  /** The list entry that was taken, or the cursor to go on with. */
  readonly resume: number;
}

export interface SearchOptions {
  /** Reads with `read: 'local'` may take effect before they began; those of one server keep their order. */
  readonly relaxLocalReads: boolean;
  /** Keep the longest order in which some of the operations are possible, for people. */
  readonly keepLongest: boolean;
}

export type Outcome = 'found' | 'none' | 'exhausted';

/** After an open operation whose effect nothing has shown yet. */
const UNSHOWN = 1;
const SHOWN = 0;
/** Cursors: entries of the list are positive; -1 is the first open operation, -2 the second. */
const FIRST_OPEN = -1;

/**
 * Looks for an order of the operations on one key that respects real time and explains every answer
 * [Wing-Gong 1993; Lowe 2017]. Depth first; each configuration is entered once.
 */
export class Search {
  readonly #completed: readonly Candidate[];
  readonly #open: readonly Open[];
  readonly #pending: Pending;
  readonly #earlierReads: readonly EarlierReads[];
  readonly #meter: Meter;
  readonly #visited: Visited;
  readonly #taken: Bits;
  readonly #openTaken: Bits;
  readonly #keepLongest: boolean;
  /** By state: how many operations not taken yet answered that they found it, and how many can lead to it. */
  readonly #finders: Int32Array;
  readonly #makers: Int32Array;
  /** Completed operations by their number, open ones by -1 - number. */
  readonly #order: number[] = [];
  readonly #frames: Frame[] = [];
  #longest: readonly number[] = [];
  #longestCompleted = -1;
  #left: number;
  #state = 0;
  #mode = SHOWN;

  /** `operations`: all of one key, none of them failed. */
  constructor(operations: readonly KeyOperation[], values: Values, meter: Meter, options: SearchOptions) {
    const { completed, open, begins, earlierReads } = prepare(operations, values, options.relaxLocalReads);
    this.#completed = completed;
    this.#open = open;
    this.#earlierReads = earlierReads;
    this.#pending = new Pending(
      completed.map(({ operation }, number) => ({ begin: begins[number] ?? 0, end: operation.ended })),
    );
    this.#meter = meter;
    this.#visited = new Visited(meter);
    this.#taken = new Bits(this.#completed.length);
    this.#openTaken = new Bits(this.#open.length);
    this.#keepLongest = options.keepLongest;
    this.#left = this.#completed.length;
    this.#finders = new Int32Array(values.all().length);
    this.#makers = new Int32Array(values.all().length);
    for (const { rule } of [...this.#completed, ...this.#open]) this.#count(rule, 1);
  }

  /** Whether there is such an order from one of these states on. To be called once. */
  run(starts: readonly number[]): Outcome {
    return this.#runAll(starts, () => true);
  }

  /** All states that such orders end in, when the last completed operation is taken; undefined: budget exhausted. */
  reachable(starts: readonly number[]): Set<number> | undefined {
    const states = new Set<number>();
    const outcome = this.#runAll(starts, (state) => {
      states.add(state);
      return false;
    });
    return outcome === 'exhausted' ? undefined : states;
  }

  /** The order found, or the longest one with `keepLongest`. */
  order(): KeyOperation[] {
    this.#remember();
    const numbers = this.#keepLongest ? this.#longest : this.#order;
    return numbers.flatMap((number) => this.#candidate(number)?.operation ?? []);
  }

  /** The ids of the operations that can make a difference. */
  considered(): Set<number> {
    return new Set([...this.#completed, ...this.#open].map(({ operation }) => operation.id));
  }

  #runAll(starts: readonly number[], accept: (state: number) => boolean): Outcome {
    for (const start of starts) {
      const outcome = this.#explore(start, accept);
      if (outcome !== 'none') return outcome;
    }
    return 'none';
  }

  #explore(start: number, accept: (state: number) => boolean): Outcome {
    let cursor = FIRST_OPEN;
    if (!this.#meter.spendStep()) return 'exhausted';
    let isMoving = this.#mayBegin(start) && this.#enter(start, SHOWN, cursor);
    if (!isMoving) return 'none';
    for (;;) {
      if (!this.#meter.spendStep()) return 'exhausted';
      if (isMoving && this.#left === 0 && accept(this.#state)) return 'found';
      if (isMoving) cursor = this.#pending.first();
      isMoving = this.#left > 0 && this.#advance(cursor);
      if (isMoving) continue;
      const resume = this.#undo();
      // What was left undone for want of budget would be missing.
      if (this.#frames.length === 0) return this.#meter.exhausted === undefined ? 'none' : 'exhausted';
      cursor = resume;
    }
  }

  /** Takes the first operation from the cursor on that is possible here and leads somewhere new. */
  #advance(cursor: number): boolean {
    for (
      let entry = cursor;
      cursor > FIRST_OPEN && !this.#pending.isEnd(entry);
      entry = this.#pending.after(entry)
    ) {
      if (this.#takeCompleted(this.#pending.operationOf(entry), entry)) return true;
    }
    // What answered first, then what may never have happened: it is seldom needed.
    const limit = this.#pending.positionOf(this.#pending.firstEnd());
    for (let number = cursor > FIRST_OPEN ? 0 : -1 - cursor; number < this.#open.length; number++) {
      if ((this.#open[number]?.operation.invoked ?? Infinity) > limit) return false;
      if (this.#takeOpen(number)) return true;
    }
    return false;
  }

  #takeCompleted(number: number, entry: number): boolean {
    const rule = this.#completed[number]?.rule;
    // An observer that is possible here has been taken on the way in.
    if (rule === undefined || isObserver(rule) || !this.#isWorthwhile(rule)) return false;
    const next = step(rule, this.#state);
    if (next === REFUSED || !this.#mayLeave(rule, next)) return false;
    return this.#enter(next, SHOWN, entry, number);
  }

  #takeOpen(number: number): boolean {
    const open = this.#open[number];
    if (open === undefined || this.#openTaken.has(number) || !this.#isWorthwhile(open.rule)) return false;
    if (open.twin >= 0 && !this.#openTaken.has(open.twin)) return false;
    const next = step(open.rule, this.#state);
    // Without an effect it is as good as not taken, and then it is still there for later.
    if (next === this.#state || !this.#mayLeave(open.rule, next)) return false;
    return this.#enter(next, UNSHOWN, -2 - number, -1 - number);
  }

  /** Not where something answered that it found a state that nothing leads to. */
  #mayBegin(start: number): boolean {
    if (this.#keepLongest) return true;
    return this.#finders.every(
      (finders, state) => finders === 0 || state === start || this.#makers[state] !== 0,
    );
  }

  /** Not while another operation still has to find this state and nothing can lead back to it. */
  #mayLeave({ test, operand }: Rule, next: number): boolean {
    if (next === this.#state || this.#keepLongest || (this.#makers[this.#state] ?? 0) > 0) return true;
    const finders = this.#finders[this.#state] ?? 0;
    return finders === (test === TEST.exactly && operand === this.#state ? 1 : 0);
  }

  #count({ test, operand, target }: Rule, by: number): void {
    if (test === TEST.exactly) this.#finders[operand] = (this.#finders[operand] ?? 0) + by;
    if (target >= 0) this.#makers[target] = (this.#makers[target] ?? 0) + by;
  }

  /** An open operation that is overwritten before anything shows its effect can be left out. */
  #isWorthwhile(rule: Rule): boolean {
    return this.#mode === SHOWN || !isBlind(rule);
  }

  /** Goes to `state` by taking an operation, or to the start by none; false, and back again, when it was there before. */
  #enter(state: number, mode: number, resume: number, number?: number): boolean {
    this.#frames.push({ state: this.#state, mode: this.#mode, taken: this.#order.length, resume });
    if (number !== undefined) this.#take(number);
    this.#state = state;
    this.#mode = this.#takeObservers() ? SHOWN : mode;
    // The first entry is a begin, so all operations before it are taken, and none that begins behind the first end.
    const left = this.#left === 0 ? this.#completed.length : this.#pending.operationOf(this.#pending.first());
    const begun = this.#pending.beginsBefore(this.#pending.firstEnd());
    if (this.#visited.add(state, this.#mode, this.#taken, left, begun, this.#openTaken)) {
      return true;
    }
    this.#undo();
    return false;
  }

  /**
   * Takes every completed operation that is possible now and changes nothing, and never tries them at another time.
   * In any order that goes on from here such an operation can be moved to this point: it began already (or, a relaxed
   * read, those before it are taken), it fits the state, nobody sees that it happened, and earlier is never too late.
   */
  #takeObservers(): boolean {
    let some = false;
    for (let entry = this.#pending.first(); !this.#pending.isEnd(entry); entry = this.#pending.after(entry)) {
      const number = this.#pending.operationOf(entry);
      const rule = this.#completed[number]?.rule;
      if (rule === undefined || !isObserver(rule) || step(rule, this.#state) === REFUSED) continue;
      if (this.#mustWait(number)) continue;
      this.#take(number);
      some = true;
    }
    return some;
  }

  /** Not before the earlier reads of its server. Looking for them counts as steps: there may be very many. */
  #mustWait(number: number): boolean {
    const { reads, from, to } = this.#earlierReads[number] ?? { reads: [], from: 0, to: 0 };
    for (let index = to - 1; index >= from; index--)
      if (!this.#taken.has(reads[index] ?? -1) || (index < to - 1 && !this.#meter.spendStep())) return true;
    return false;
  }

  #take(number: number): void {
    this.#order.push(number);
    const rule = this.#candidate(number)?.rule;
    if (rule !== undefined) this.#count(rule, -1);
    if (number < 0) {
      this.#openTaken.toggle(-1 - number);
      return;
    }
    this.#pending.take(number);
    this.#taken.toggle(number);
    this.#left--;
  }

  /** Back to where the last step was taken. Gives the cursor of the next one to try there. */
  #undo(): number {
    this.#remember();
    const frame = this.#frames.pop();
    if (frame === undefined) return FIRST_OPEN;
    while (this.#order.length > frame.taken) {
      const number = this.#order.pop() ?? 0;
      const rule = this.#candidate(number)?.rule;
      if (rule !== undefined) this.#count(rule, 1);
      if (number < 0) {
        this.#openTaken.toggle(-1 - number);
        continue;
      }
      this.#pending.putBack(number);
      this.#taken.toggle(number);
      this.#left++;
    }
    this.#state = frame.state;
    this.#mode = frame.mode;
    return frame.resume < 0 ? frame.resume : this.#pending.after(frame.resume);
  }

  #remember(): void {
    const completed = this.#completed.length - this.#left;
    if (!this.#keepLongest || completed <= this.#longestCompleted) return;
    this.#longestCompleted = completed;
    // What is open and stands behind the last answer need not have happened.
    this.#longest = this.#order.slice(0, this.#order.findLastIndex((number) => number >= 0) + 1);
  }

  #candidate(number: number): Candidate | undefined {
    return number < 0 ? this.#open[-1 - number] : this.#completed[number];
  }
}
