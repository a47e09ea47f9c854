import type { Slot } from '../../core/ballot';
import type { Value } from './messages';

export interface LogLimits {
  readonly slots: number;
  /** Of the values, counted in characters. */
  readonly characters: number;
}

/** Characters of the texts in a value: about what it takes in memory and on the wire. */
export function sizeOf(value: Value): number {
  const { command } = value;
  if (command === null || typeof command !== 'object') return 0;
  let size = 0;
  for (const field of Object.values(command)) if (typeof field === 'string') size += field.length;
  return size;
}

/** What the map has for the slots from `from` to `to`, ascending. Slots that it lacks cost nothing, however many. */
export function* slotsWithin<T>(slots: ReadonlyMap<Slot, T>, from: Slot, to: Slot): Generator<[Slot, T]> {
  if (to - from > slots.size) {
    yield* [...slots].filter(([slot]) => slot >= from && slot <= to).sort(([a], [b]) => a - b);
    return;
  }
  for (let slot = from; slot <= to; slot++) {
    const found = slots.get(slot);
    if (found !== undefined) yield [slot, found];
  }
}

/**
 * The chosen values that a learner keeps: those it cannot apply yet, and a tail of applied ones for peers that
 * missed them. `floor` is the lowest slot kept; whoever needs older ones gets a snapshot.
 */
export class Log {
  readonly #values = new Map<Slot, Value>();
  readonly #limits: LogLimits;
  readonly #offeredLimits: LogLimits;
  #characters = 0;
  #floor: Slot = 1;
  #highest: Slot = 0;

  /** `offeredLimits`: of the slots after a snapshot that a peer is fetching. */
  constructor(limits: LogLimits, offeredLimits: LogLimits = limits) {
    this.#limits = limits;
    this.#offeredLimits = offeredLimits;
  }

  get floor(): Slot {
    return this.#floor;
  }

  /** The highest slot known to be chosen, kept or not. */
  get highest(): Slot {
    return this.#highest;
  }

  get(slot: Slot): Value | undefined {
    return this.#values.get(slot);
  }

  add(slot: Slot, value: Value): void {
    this.#values.set(slot, value);
    this.#characters += sizeOf(value);
    this.#highest = Math.max(this.#highest, slot);
  }

  /**
   * The floor that keeps the limits, never above `applied` + 1. `offered`: the slot of the snapshot that a peer is
   * fetching. What comes after it is kept within wider limits, or the peer would need a snapshot again once it has this one.
   */
  nextFloor(applied: Slot, offered = applied): Slot {
    let floor = this.#floor;
    let characters = this.#characters;
    for (; floor <= applied; floor++) {
      const limits = floor > offered ? this.#offeredLimits : this.#limits;
      if (applied - floor < limits.slots && characters <= limits.characters) break;
      const value = this.#values.get(floor);
      if (value !== undefined) characters -= sizeOf(value);
    }
    return floor;
  }

  /** Drops the slots below `floor` and gives those that were kept. */
  truncate(floor: Slot): Slot[] {
    const dropped: Slot[] = [];
    for (const [slot, value] of slotsWithin(this.#values, this.#floor, floor - 1)) {
      this.#characters -= sizeOf(value);
      this.#values.delete(slot);
      dropped.push(slot);
    }
    this.#floor = Math.max(this.#floor, floor);
    this.#highest = Math.max(this.#highest, floor - 1);
    return dropped;
  }

  /** Chosen values from `from` on, as far as they are known, until `characters` are reached. */
  read(from: Slot, slots: number, characters: number): { slot: Slot; value: Value }[] {
    const entries: { slot: Slot; value: Value }[] = [];
    let size = 0;
    for (const [slot, value] of slotsWithin(this.#values, Math.max(from, this.#floor), this.#highest)) {
      size += sizeOf(value);
      if (entries.length === slots || (entries.length > 0 && size > characters)) break;
      entries.push({ slot, value });
    }
    return entries;
  }
}
