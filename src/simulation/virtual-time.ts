import { betweenRounds } from './isolation';
import type { Cancel } from '../core/environment';
import { EventQueue, type Event } from './event-queue';
import { TraceHash } from './trace-hash';

/** What sort of thing happens. */
export type EventKind = 'timer' | 'message' | 'write' | 'fault' | 'client';

/** Where it happens: a server, a client (numbers from FIRST_CLIENT on), or nowhere in particular. */
export type Place = number;
export const NOWHERE: Place = -1;
export const FIRST_CLIENT: Place = 1000;

/** Decides what happens next. Twins of clock, network and disk hand all that is to happen to one of these. */
export interface Scheduler {
  /** Milliseconds since the start of the world. */
  readonly now: number;
  after(delayMs: number, run: () => void, kind?: EventKind, place?: Place): Cancel;
}

/**
 * The shortest delay but none. A shorter one may not move the clock at all, as floating-point numbers go, and whoever
 * waits for the rest of his time in ever smaller steps would wait for ever.
 */
const RESOLUTION_MS = 0.001;

/**
 * Node empties its promise queues between two callbacks of setImmediate. Several of them are scheduled at a time, since
 * a round of Node's event loop for each would take longer than what happens in it.
 */
const nextTurn = setImmediate;
const STEPS_PER_ROUND = 64;

const NOTHING = (): void => undefined;

/** Lets Node empty its promise queues: whatever the last event set off has happened then. */
export function drain(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve));
}

/** Time that passes only from event to event. Everything awaited in a simulated world is settled by an event of this queue. */
export class VirtualTime implements Scheduler {
  readonly #queue = new EventQueue();
  readonly #afterEach: () => void;
  readonly #trace = new TraceHash();
  #now = 0;
  #sequence = 0;
  #events = 0;
  #isRunning = false;

  /** `afterEach` runs after each event and all it set off; it may throw, which ends the run. */
  constructor(afterEach: () => void) {
    this.#afterEach = afterEach;
  }

  get now(): number {
    return this.#now;
  }

  /** How many events have happened. */
  get events(): number {
    return this.#events;
  }

  /** Differs, very likely, for runs in which anything happened at another time or in another order. */
  get traceHash(): string {
    return this.#trace.toString();
  }

  after(delayMs: number, run: () => void): Cancel {
    const event: Event = {
      at: this.#now + (delayMs > 0 ? Math.max(RESOLUTION_MS, delayMs) : 0),
      sequence: this.#sequence++,
      run,
      isCancelled: false,
    };
    this.#queue.push(event);
    return () => {
      event.isCancelled = true;
      // Most timers are cancelled long before they are due: what they hold on to shall not wait for that.
      event.run = NOTHING;
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

  #runWhile(goOn: () => boolean, end: number): Promise<void> {
    if (this.#isRunning) throw new Error('somebody lets this time pass already');
    this.#isRunning = true;
    return this.#steps(goOn, end).finally(() => (this.#isRunning = false));
  }

  #steps(goOn: () => boolean, end: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const step = (): void => {
        if (isOver) return;
        try {
          this.#afterEach();
          isOver = !goOn() || !this.#fireNext(end);
          if (isOver) resolve();
        } catch (error) {
          isOver = true;
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const goRound = (): void => {
        if (isOver) return;
        nextTurn(() => {
          betweenRounds(false);
        });
        for (let i = 0; i < STEPS_PER_ROUND; i++) nextTurn(step);
        nextTurn(goRound);
        betweenRounds(true);
      };
      goRound();
    });
  }

  /** Lets the next event happen. False if there is none until `end`. */
  #fireNext(end: number): boolean {
    for (;;) {
      const event = this.#queue.first;
      if (event === undefined || event.at > end) return false;
      this.#queue.pop();
      if (event.isCancelled) continue;
      this.#now = event.at;
      this.#events++;
      this.#trace.add(event.sequence);
      this.#trace.add(event.at * 1024);
      event.run();
      return true;
    }
  }
}
