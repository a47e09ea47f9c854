import type { Random } from '../../core/environment';
import { NOWHERE, type Place } from '../virtual-time';
import { isOrdinary, type Choice } from './choices';

/** Makes up schedules, one after another. */
export interface Strategy {
  /** Starts on the next schedule; false when there is none. */
  begin(): boolean;
  /** Undefined when what follows need not be looked at. */
  choose(enabled: readonly Choice[]): Choice | undefined;
}

/** How often a timer or fault comes although messages are on their way. */
const HASTE = 1 / 8;

function pick<Item>(random: Random, items: readonly Item[]): Item | undefined {
  return items[random.int(0, items.length - 1)];
}

/**
 * Any message or write with the same chance. Timers and faults have a smaller one: with an equal one most schedules
 * would use them up before anything has happened.
 */
export class RandomWalk implements Strategy {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  begin(): boolean {
    return true;
  }

  choose(enabled: readonly Choice[]): Choice | undefined {
    const ordinary = enabled.filter(isOrdinary);
    const others = enabled.filter((choice) => !isOrdinary(choice));
    const isHasty = others.length > 0 && this.#random.chance(HASTE);
    return pick(this.#random, ordinary.length === 0 || isHasty ? others : ordinary);
  }
}

/** How many choices a victim suffers for, at most, before another one is taken. */
const LONGEST_GRUDGE = 24;
/** The most of all messages and writes that are held back one by one, in a schedule. */
const MOST_HELD = 0.5;

/**
 * The places take turns; but what one of them, the victim, is about to get waits until nothing else can happen, not even
 * a timer or a fault. So do messages and writes picked one by one. After a while it is another one's turn to suffer, and
 * what was held for long arrives in the middle of something else.
 *
 * A random walk brings most messages about equally late. What breaks Paxos is the straggler (a promise, a vote or a
 * request of a round long past), and quorums that know little of each other, which the messages held back make.
 */
export class Adversary implements Strategy {
  readonly #random: Random;
  #ranks = new Map<Place, number>();
  #isHeld = new Map<number, boolean>();
  #heldShare = 0;
  #victim: Place = NOWHERE;
  #grudge = 0;
  #lastRank = 0;
  #prefersNew = false;

  constructor(random: Random) {
    this.#random = random;
  }

  begin(): boolean {
    this.#ranks = new Map();
    this.#isHeld = new Map();
    this.#heldShare = this.#random.float() * MOST_HELD;
    this.#grudge = 0;
    this.#prefersNew = this.#random.chance(0.5);
    return true;
  }

  choose(enabled: readonly Choice[]): Choice | undefined {
    if (this.#grudge-- <= 0) {
      this.#victim = this.#random.chance(0.5) ? (pick(this.#random, enabled)?.place ?? NOWHERE) : NOWHERE;
      this.#grudge = this.#random.int(1, LONGEST_GRUDGE);
    }
    const calm = enabled.filter((choice) => isOrdinary(choice) && !this.#holds(choice));
    const hasty = enabled.filter((choice) => !isOrdinary(choice));
    const isHasty = hasty.length > 0 && (calm.length === 0 || this.#random.chance(HASTE));
    if (isHasty) return pick(this.#random, hasty);
    return calm.length > 0 ? this.#inTurn(calm) : pick(this.#random, enabled);
  }

  #holds({ id, place }: Choice): boolean {
    let isHeld = this.#isHeld.get(id);
    if (isHeld === undefined) this.#isHeld.set(id, (isHeld = this.#random.chance(this.#heldShare)));
    return isHeld || place === this.#victim;
  }

  #inTurn(choices: readonly Choice[]): Choice | undefined {
    let next: Choice | undefined;
    let nearest = Infinity;
    for (const choice of choices) {
      // Ranks lie on a circle of circumference 1; the turn goes to the next one ahead.
      const ahead = this.#rankOf(choice.place) - this.#lastRank;
      const distance = ahead > 0 ? ahead : ahead + 1;
      if (distance > nearest || (distance === nearest && !this.#prefersNew)) continue;
      next = choice;
      nearest = distance;
    }
    if (next !== undefined) this.#lastRank = this.#rankOf(next.place);
    return next;
  }

  #rankOf(place: Place): number {
    let rank = this.#ranks.get(place);
    if (rank === undefined) this.#ranks.set(place, (rank = this.#random.float()));
    return rank;
  }
}
