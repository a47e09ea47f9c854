import type { Cancel } from '../../core/environment';
import { NOWHERE, type EventKind, type Place, type Scheduler } from '../virtual-time';

/** Something that may happen next. */
export interface Choice {
  /** Counts what was ever pending in this run: after the same choices, the same number is the same thing. */
  readonly id: number;
  readonly kind: EventKind;
  readonly place: Place;
  /** Choices with the same supply use it up together; without one, a choice costs nothing. */
  readonly supply: string | undefined;
  /** One line for people. */
  readonly describe: () => string;
}

/** How often that may happen which could happen for ever. */
export interface Limits {
  /** Timers that fire, at each place. */
  readonly timers: number;
  /** Messages that arrive once more, in all. */
  readonly duplicates: number;
  /** Crashes, in all. */
  readonly crashes: number;
  /**
   * Whether a write is durable at once, or at a moment to choose. As long as nothing crashes, a late write and a late
   * answer are the same, unless somebody decides only after the write: that is a mistake to be found.
   */
  readonly writes: 'at-once' | 'choices';
}

/**
 * Lets all follow from the last choice that does: Node turns to the next tick when its promise queue is empty. Unlike
 * a turn of the event loop, which asks the system for input each time, this costs next to nothing.
 */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    // From outside of the promise queue the next tick would come before it.
    queueMicrotask(() => {
      process.nextTick(resolve);
    });
  });
}

interface Pending extends Choice {
  readonly dueMs: number;
  readonly run: () => void;
}

const CRASHES = 'crashes';
const DUPLICATES = 'duplicates';

/**
 * Whether it makes no difference which of the two happens first. The state of the world is divided among places, and
 * what happens at one touches no other: it can only send messages, and those are choices of their own.
 */
export function areIndependent(a: Choice, b: Choice): boolean {
  if (a.place === b.place || a.place === NOWHERE || b.place === NOWHERE) return false;
  return a.supply === undefined || a.supply !== b.supply;
}

/** Messages and writes; the rest is what a calm run does without. */
export function isOrdinary({ kind, supply }: Choice): boolean {
  return supply === undefined && kind !== 'fault';
}

/**
 * A world without time: whatever is pending may be next, and somebody chooses. The clock moves only when a timer fires,
 * to the moment at which it was due. A timer of infinite delay never fires.
 */
export class Choices implements Scheduler {
  readonly #limits: Limits;
  readonly #nameOf: (place: Place) => string;
  readonly #afterEach: () => void;
  readonly #left = new Map<string, number>();
  #pending: Pending[] = [];
  #created = 0;
  #now = 0;
  #description: (() => string) | undefined;

  /** `afterEach` runs after each choice and all it set off; it may throw, which ends the run. */
  constructor(limits: Limits, nameOf: (place: Place) => string, afterEach: () => void) {
    this.#limits = limits;
    this.#nameOf = nameOf;
    this.#afterEach = afterEach;
    this.#left.set(CRASHES, limits.crashes).set(DUPLICATES, limits.duplicates);
  }

  get now(): number {
    return this.#now;
  }

  /**
   * What may happen next. The first is what a calm run goes on with: the message or write that came up last, so that it
   * ends what it has begun. Then older ones, then timers, then faults.
   */
  get enabled(): Choice[] {
    const ordinary: Choice[] = [];
    const timers: Choice[] = [];
    const faults: Choice[] = [];
    for (const choice of this.#pending)
      if (isOrdinary(choice)) ordinary.push(choice);
      else if (this.#isAffordable(choice)) (choice.kind === 'timer' ? timers : faults).push(choice);
    return [...ordinary.reverse(), ...timers, ...faults];
  }

  /** Words for the message or write that is handed in next. */
  describeNext(describe: () => string): void {
    this.#description = describe;
  }

  after(delayMs: number, run: () => void, kind: EventKind = 'timer', place: Place = NOWHERE): Cancel {
    const described = this.#description;
    if (kind !== 'timer') this.#description = undefined;
    if (kind === 'write' && this.#limits.writes === 'at-once') run();
    else if (kind === 'timer' && delayMs !== Infinity) {
      const describe = (): string => `${this.#nameOf(place)}'s timer of ${delayMs} ms fires`;
      return this.#add({ kind, place, supply: this.#timersOf(place), describe, run }, this.#now + delayMs);
    } else if (kind !== 'timer')
      return this.#add({ kind, place, supply: undefined, describe: described ?? (() => kind), run });
    return () => undefined;
  }

  /** Lets a crash at this place be chosen, once. */
  offerCrash(place: Place, describe: () => string, run: () => void): void {
    if (this.#limits.crashes > 0) this.#add({ kind: 'fault', place, supply: CRASHES, describe, run });
  }

  /** The machine there has crashed: its timers and writes are gone. Messages are not on any machine. */
  forget(place: Place): void {
    this.#pending = this.#pending.filter((choice) => choice.place !== place || choice.kind === 'message');
  }

  /** Lets it happen, and all that follows from it before anything else does. */
  async take({ id }: Choice): Promise<void> {
    const index = this.#pending.findIndex((pending) => pending.id === id);
    const choice = this.#pending[index];
    if (choice === undefined) throw new RangeError(`choice ${id} is not pending`);
    this.#pending.splice(index, 1);
    if (choice.supply !== undefined) this.#left.set(choice.supply, this.#leftOf(choice.supply) - 1);
    this.#now = Math.max(this.#now, choice.dueMs);
    if (choice.kind === 'message' && this.#leftOf(DUPLICATES) > 0) {
      const describe = (): string => `${choice.describe()} once more`;
      this.#add({ ...choice, supply: DUPLICATES, describe });
    }
    choice.run();
    await settle();
    this.#afterEach();
  }

  #add(choice: Omit<Pending, 'id' | 'dueMs'>, dueMs = 0): Cancel {
    const id = this.#created++;
    const { kind, place, supply, describe, run } = choice;
    this.#pending.push({ id, kind, place, supply, describe, run, dueMs });
    return () => {
      const index = this.#pending.findIndex((pending) => pending.id === id);
      if (index >= 0) this.#pending.splice(index, 1);
    };
  }

  #timersOf(place: Place): string {
    const supply = `timers of ${place}`;
    if (!this.#left.has(supply)) this.#left.set(supply, this.#limits.timers);
    return supply;
  }

  #isAffordable({ supply }: Choice): boolean {
    return supply === undefined || this.#leftOf(supply) > 0;
  }

  #leftOf(supply: string): number {
    return this.#left.get(supply) ?? 0;
  }
}
