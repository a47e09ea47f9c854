import type { Cancel } from '../../src/core/environment';

interface Event {
  readonly at: number;
  readonly sequence: number;
  readonly run: () => void;
  isCancelled: boolean;
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

/** A binary heap of events by time, then by the order in which they were scheduled. */
class EventQueue {
  readonly #heap: Event[] = [];

  push(event: Event): void {
    const heap = this.#heap;
    let child = heap.push(event) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[child] = heap[parent]!;
      child = parent;
    }
    heap[child] = event;
  }

  get first(): Event | undefined {
    return this.#heap[0];
  }

  pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let parent = 0;
    for (;;) {
      let child = parent * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[parent] = heap[child]!;
      parent = child;
    }
    heap[parent] = last;
    return first;
  }
}

/** Lets Node empty its promise queues: whatever the last event set off has happened then. */
function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Time that passes only from event to event. Everything awaited in a test world is settled by an event of this queue. */
export class VirtualTime {
  readonly #queue = new EventQueue();
  readonly #afterEach: () => void;
  #now = 0;
  #sequence = 0;

  /** `afterEach` runs after each event and all it set off; it may throw, which ends the run. */
  constructor(afterEach: () => void) {
    this.#afterEach = afterEach;
  }

  /** Milliseconds since the start of the world. */
  get now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): Cancel {
    const event = {
      at: this.#now + Math.max(0, delayMs),
      sequence: this.#sequence++,
      run,
      isCancelled: false,
    };
    this.#queue.push(event);
    return () => {
      event.isCancelled = true;
    };
  }

  /** Lets so much time pass. */
  async run(durationMs: number): Promise<void> {
    const end = this.#now + durationMs;
    await this.#runWhile(() => true, end);
    this.#now = end;
  }

  /** Lets time pass until `done`, and tells whether that came within `limitMs`. */
  async runUntil(done: () => boolean, limitMs: number): Promise<boolean> {
    await this.#runWhile(() => !done(), this.#now + limitMs);
    return done();
  }

  /** Lets time pass until the promise settles, which must be within `limitMs`. */
  async settled<Value>(promise: Promise<Value>, limitMs: number): Promise<Value> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    if (!(await this.runUntil(() => isSettled, limitMs))) throw new Error(`not settled after ${limitMs} ms`);
    return promise;
  }

  async #runWhile(goOn: () => boolean, end: number): Promise<void> {
    await drain();
    this.#afterEach();
    while (goOn()) {
      const event = this.#queue.first;
      if (event === undefined || event.at > end) return;
      this.#queue.pop();
      if (event.isCancelled) continue;
      this.#now = event.at;
      event.run();
      await drain();
      this.#afterEach();
    }
  }
}
