import { areIndependent, type Choice } from './choices';
import type { Strategy } from './strategy';

/** A point of the current schedule: what may be chosen there, and what of that has been. */
interface Node {
  readonly candidates: readonly Choice[];
  /** Choices that lead nowhere new, from here on. */
  readonly asleep: readonly Choice[];
  /** The one that the current schedule takes; those before it are done. */
  index: number;
  /** Of the current schedule, before this point. */
  readonly deviations: number;
}

export interface SystematicOptions {
  /** Most choices, in one schedule, other than the first that is enabled; undefined: as many as there are. */
  readonly deviations: number | undefined;
  /** Whether schedules that differ only in the order of independent choices count as one. */
  readonly sleepSets: boolean;
}

/**
 * Depth-first search through all schedules. Suspended promises cannot be copied, so that it returns to a point by
 * running the whole world again from the start, with the same choices.
 *
 * Sleep sets [Godefroid, Partial-Order Methods for the Verification of Concurrent Systems, LNCS 1032, 1996, ch. 5]: when
 * all schedules that go on with choice a have been explored at a point, and then b is taken there, which is independent
 * of a, a is put to sleep: everything that begins with b, a is the same as what began with a, b. It wakes when a choice
 * that is not independent of it is taken. This leaves out no state, only ways that lead to it, under two conditions.
 *
 * 1. Independent choices neither enable nor disable each other, and commute. Here independent means: at different places,
 *    and without a common supply. A place is one machine, with its disk and all that runs on it, and shares nothing with
 *    another; what is sent is a new choice at its destination. Shared are the clock, the count of choices and the observer.
 *    A proposer looks at the clock for its deadline, which is infinite, and for how long its next timer lasts, which does
 *    not matter where any timer may be next. The count names choices within one prefix only.
 * 2. What the observer objects to can be seen whatever the order of independent choices. What it holds against each other
 *    are sets (votes, proposals, ballots) or the history of one server. One check asks for something absent: whoever
 *    learns a value before it is chosen. Let only that happen on which the learning depends: this is a schedule too, or
 *    the beginning of one; no order of it makes the value chosen, and one order of it is explored.
 *
 * Even so a synod of three acceptors has more schedules than anybody can wait for. What breaks a protocol is mostly within
 * few deviations from a calm run, one that ends what it has begun [Musuvathi, Qadeer, Iterative Context Bounding, PLDI
 * 2007], and all of these can be explored. Then there are no sleep sets: the schedule that stands for all its equals
 * might be the one beyond the bound.
 */
export class Systematic implements Strategy {
  readonly #options: SystematicOptions;
  readonly #path: Node[] = [];
  #depth = 0;
  #hasBegun = false;

  constructor(options: SystematicOptions) {
    this.#options = options;
  }

  begin(): boolean {
    this.#depth = 0;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      return true;
    }
    for (let node = this.#path.at(-1); node !== undefined; node = this.#path.at(-1)) {
      if (++node.index < this.#allowed(node)) return true;
      this.#path.pop();
    }
    return false;
  }

  choose(enabled: readonly Choice[]): Choice | undefined {
    const node = this.#path[this.#depth] ?? this.#extend(enabled);
    const chosen = node?.candidates[node.index];
    if (chosen === undefined) return undefined;
    this.#depth++;
    return chosen;
  }

  #extend(enabled: readonly Choice[]): Node | undefined {
    const parent = this.#path.at(-1);
    const asleep = parent === undefined || !this.#options.sleepSets ? [] : this.#asleepAfter(parent);
    const candidates = enabled.filter(({ id }) => !asleep.some((other) => other.id === id));
    if (candidates.length === 0) return undefined;
    const deviations = parent === undefined ? 0 : parent.deviations + Number(parent.index > 0);
    const node = { candidates, asleep, index: 0, deviations };
    this.#path.push(node);
    return node;
  }

  #asleepAfter({ candidates, asleep, index }: Node): Choice[] {
    const chosen = candidates[index];
    if (chosen === undefined) return [];
    return [...asleep, ...candidates.slice(0, index)].filter((other) => areIndependent(other, chosen));
  }

  #allowed({ candidates, deviations }: Node): number {
    const { deviations: most } = this.#options;
    return most !== undefined && deviations >= most ? 1 : candidates.length;
  }
}
