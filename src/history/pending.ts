export interface Interval {
  readonly begin: number;
  readonly end: number;
}

const HEAD = 0;

/**
 * The begins and ends of operations in order of time, as a doubly linked list from which operations are taken and put
 * back in the reverse order [Lowe, Testing for linearizability, 2017]. Operations are numbered in the order of their
 * begins. Entries are numbered in order too; behind the last one stands an end that belongs to no operation.
 */
export class Pending {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #operation: Int32Array;
  readonly #position: Float64Array;
  readonly #begin: Int32Array;
  readonly #end: Int32Array;
  readonly #beginsBefore: Int32Array;
  readonly #last: number;

  /** Sorted by `begin`. */
  constructor(intervals: readonly Interval[]) {
    const entries = [
      ...intervals.map(({ begin }, operation) => ({ position: begin, operation, isEnd: false })),
      ...intervals.map(({ end }, operation) => ({ position: end, operation, isEnd: true })),
    ].sort((a, b) => a.position - b.position);
    this.#last = entries.length + 1;
    const size = this.#last + 1;
    this.#next = Int32Array.from({ length: size }, (_, index) => index + 1);
    this.#previous = Int32Array.from({ length: size }, (_, index) => index - 1);
    this.#operation = new Int32Array(size).fill(-1);
    this.#position = new Float64Array(size).fill(Infinity);
    this.#beginsBefore = new Int32Array(size).fill(intervals.length);
    this.#begin = new Int32Array(intervals.length);
    this.#end = new Int32Array(intervals.length);
    let begins = 0;
    for (const [index, { position, operation, isEnd }] of entries.entries()) {
      const entry = index + 1;
      this.#position[entry] = position;
      this.#operation[entry] = operation;
      this.#beginsBefore[entry] = begins;
      (isEnd ? this.#end : this.#begin)[operation] = entry;
      if (!isEnd) begins++;
    }
  }

  first(): number {
    return this.#next[HEAD] ?? this.#last;
  }

  after(entry: number): number {
    return this.#next[entry] ?? this.#last;
  }

  isEnd(entry: number): boolean {
    const operation = this.#operation[entry] ?? -1;
    return operation === -1 || this.#end[operation] === entry;
  }

  /** Of an entry that is not the one behind the last. */
  operationOf(entry: number): number {
    return this.#operation[entry] ?? -1;
  }

  /** The first end in the list: what begins after it may not be taken yet. */
  firstEnd(): number {
    let entry = this.first();
    while (!this.isEnd(entry)) entry = this.after(entry);
    return entry;
  }

  positionOf(entry: number): number {
    return this.#position[entry] ?? Infinity;
  }

  /** How many operations begin before this entry, taken or not. */
  beginsBefore(entry: number): number {
    return this.#beginsBefore[entry] ?? 0;
  }

  take(operation: number): void {
    // The end first: should it follow the begin directly, the begin still points to what is left behind it.
    this.#unlink(this.#end[operation] ?? 0);
    this.#unlink(this.#begin[operation] ?? 0);
  }

  putBack(operation: number): void {
    this.#relink(this.#begin[operation] ?? 0);
    this.#relink(this.#end[operation] ?? 0);
  }

  #unlink(entry: number): void {
    const previous = this.#previous[entry] ?? 0;
    const next = this.#next[entry] ?? 0;
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  #relink(entry: number): void {
    this.#next[this.#previous[entry] ?? 0] = entry;
    this.#previous[this.#next[entry] ?? 0] = entry;
  }
}
