import type { Meter } from './budget';
import { isLocal } from './candidates';
import { foundBy, leftBy } from './describe';
import type { History } from './history';
import { ABSENT, Values, type Held } from './model';
import type { KeyOperation } from './partition';
import { Search } from './search';

/** Operations on one key that no order explains, from any of these states on. */
export interface Window {
  /** What the key may hold before it: `any` when nobody knows. */
  readonly starts: readonly Held[] | 'any';
  readonly operations: readonly KeyOperation[];
}

/** A moment to cut at. */
interface Front {
  readonly moment: number;
  /** All that the key can hold then. */
  readonly starts: readonly Held[];
}

/** How often an earlier front is tried when a later one explains everything. */
const FRONTS = 64;

/**
 * Makes a window that violates smaller. Every step keeps this: a history that holds the window cannot be explained
 * either. What cannot be shown within the budget is not done.
 */
export class Shrinker {
  readonly #meter: Meter;
  readonly #relaxLocalReads: boolean;

  constructor(meter: Meter, relaxLocalReads: boolean) {
    this.#meter = meter;
    this.#relaxLocalReads = relaxLocalReads;
  }

  static whole(operations: readonly KeyOperation[], initial: History['initial']): Window {
    const telling = operations.filter(({ request, outcome }) => request.op !== 'get' || outcome === 'ok');
    return { operations: telling, starts: initial === 'unknown' ? 'any' : [null] };
  }

  isViolation(window: Window): boolean {
    // To prepare a search of very many operations takes time too.
    this.#meter.slice(1);
    if (this.#meter.exhausted !== undefined) return false;
    const values = new Values(window.operations);
    return this.#search(window.operations, values).run(numbersOf(window.starts, values)) === 'none';
  }

  /**
   * Up to the first end at which no order is left; gives the operation that ended there too. What was still going on
   * is open then: its answer may depend on what came later.
   */
  cutTail(window: Window): { readonly window: Window; readonly culprit: KeyOperation | undefined } {
    const ends = window.operations
      .filter(({ outcome }) => outcome === 'ok')
      .sort((a, b) => a.ended - b.ended);
    let [low, high] = [0, ends.length - 1];
    let best = window;
    while (low < high) {
      const middle = (low + high) >> 1;
      const cut = { ...window, operations: before(window.operations, ends[middle]?.ended ?? Infinity) };
      if (this.isViolation(cut)) [high, best] = [middle, cut];
      else low = middle + 1;
    }
    return { window: best, culprit: ends[high] };
  }

  /**
   * Without the answers that are not needed for the contradiction, but for those to keep. Writes stay: without one of
   * them its readers would be wrong.
   */
  dropObservers(window: Window, keep: ReadonlySet<number>): Window {
    const spare = window.operations.filter((each) => observes(each) && !keep.has(each.id));
    return this.#shrink(window, spare, (operations, ids) => operations.filter(({ id }) => !ids.has(id)));
  }

  /**
   * Without the writes that the contradiction does not need. One of unknown outcome allows all that an acknowledged one
   * allows, so where those taken for unknown still leave a violation, those of them that make no difference can go.
   */
  dropWrites(window: Window, keep: ReadonlySet<number>): Window {
    const spare = window.operations.filter((each) => each.outcome === 'ok' && !keep.has(each.id));
    const weakened = this.#shrink(window, spare, (operations, ids) =>
      operations.map((each) => (ids.has(each.id) ? opened(each) : each)),
    );
    const left = new Set(this.dropIdle(weakened).operations.map(({ id }) => id));
    return { ...window, operations: window.operations.filter(({ id }) => left.has(id)) };
  }

  /** Tries a change for all of these operations at once, then for half of them, then a quarter, down to one. */
  #shrink(
    window: Window,
    spare: KeyOperation[],
    change: (operations: readonly KeyOperation[], ids: ReadonlySet<number>) => readonly KeyOperation[],
  ): Window {
    let { operations } = window;
    for (let size = spare.length; size > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < spare.length && this.#meter.exhausted === undefined;) {
        const ids = new Set(spare.slice(from, from + size).map(({ id }) => id));
        const changed = change(operations, ids);
        if (this.isViolation({ ...window, operations: changed })) {
          operations = changed;
          spare.splice(from, size);
        } else from += size;
      }
    }
    return { ...window, operations };
  }

  /**
   * From a moment on at which nothing with an answer was going on, as late as possible but before those to keep. What
   * the key can hold then is found by a search of all that came before; what is open stays, even if it may have taken
   * effect already: so the window allows more than the history did, and what it forbids the history forbids too.
   */
  cutFront(window: Window, keep: ReadonlySet<number>): Window {
    const { operations, starts: first } = window;
    if (first === 'any' && this.#relaxLocalReads) return window;
    const values = new Values(operations);
    // From when on the key may have held each value.
    const heldFrom = new Map<Held, number>(first === 'any' ? [] : first.map((held) => [held, -1]));
    const open: KeyOperation[] = [];
    const fronts: Front[] = [];
    let starts = numbersOf(first, values);
    let next = 0;
    for (const moment of quietMoments(operations, keep)) {
      const part: KeyOperation[] = [];
      for (; (operations[next]?.invoked ?? Infinity) < moment; next++) {
        const operation = operations[next];
        if (operation === undefined || this.#isRelaxed(operation)) continue;
        (operation.outcome === 'ok' ? part : open).push(operation);
        const left = leftBy(operation);
        if (!heldFrom.has(left)) heldFrom.set(left, operation.invoked);
      }
      const states = this.#search([...open, ...part], values).reachable(starts);
      // None: what comes before is wrong by itself. The tail was cut without the budget to see that.
      if (states === undefined || states.size === 0) break;
      starts = [...states];
      fronts.push({ moment, starts: starts.map((state) => values.valueOf(state)) });
      if (fronts.length > FRONTS) fronts.shift();
    }
    for (const front of fronts.reverse()) {
      const cut = { starts: front.starts, operations: this.#behind(operations, front, heldFrom) };
      if (this.isViolation(cut)) return cut;
      if (this.#meter.exhausted !== undefined) break;
    }
    return window;
  }

  /**
   * What is left behind a front. A relaxed read may belong before it, and is left out, unless it shows what the key
   * cannot have held before, or comes after such a one of the same server.
   */
  #behind(
    operations: readonly KeyOperation[],
    { moment }: Front,
    heldFrom: ReadonlyMap<Held, number>,
  ): KeyOperation[] {
    const anchoredFrom = new Map<string, number>();
    return operations.filter((each) => {
      if (each.invoked < moment) return each.outcome === 'unknown';
      if (!this.#isRelaxed(each)) return true;
      const { server = '', ended, invoked } = each;
      const firstEnd = anchoredFrom.get(server) ?? Infinity;
      const isAnchored = (heldFrom.get(foundBy(each)) ?? Infinity) >= moment || firstEnd < invoked;
      if (isAnchored && each.server !== undefined) anchoredFrom.set(server, Math.min(firstEnd, ended));
      return isAnchored;
    });
  }

  #isRelaxed(operation: KeyOperation): boolean {
    return this.#relaxLocalReads && isLocal(operation);
  }

  /** Without the operations of unknown outcome that the search leaves aside: they make no difference. */
  dropIdle(window: Window): Window {
    let { operations } = window;
    // One that is gone may have been the last to name a value.
    for (let before = Infinity; operations.length < before && this.#meter.exhausted === undefined;) {
      before = operations.length;
      const matters = this.#search(operations, new Values(operations)).considered();
      operations = operations.filter(({ id }) => matters.has(id));
    }
    return { ...window, operations };
  }

  /** The longest order that explains some of the operations, and what the key held before it. */
  longestOrder(window: Window): { readonly start: Held; readonly order: readonly KeyOperation[] } {
    const values = new Values(window.operations);
    const starts =
      window.starts === 'any' ? values.all().map((state) => values.valueOf(state)) : window.starts;
    let best: { start: Held; order: readonly KeyOperation[] } = { start: starts[0], order: [] };
    for (const start of starts) {
      this.#meter.slice(1);
      const search = new Search(window.operations, values, this.#meter, {
        relaxLocalReads: this.#relaxLocalReads,
        keepLongest: true,
      });
      search.run(numbersOf([start], values));
      const order = search.order();
      if (completed(order) > completed(best.order)) best = { start, order };
      if (this.#meter.exhausted !== undefined) break;
    }
    return best;
  }

  #search(operations: readonly KeyOperation[], values: Values): Search {
    this.#meter.slice(1);
    return new Search(operations, values, this.#meter, {
      relaxLocalReads: this.#relaxLocalReads,
      keepLongest: false,
    });
  }
}

function numbersOf(starts: Window['starts'], values: Values): number[] {
  if (starts === 'any') return values.all();
  return [...new Set(starts.map((held) => (held === null ? ABSENT : values.numberOf(held))))];
}

/** What was known at this end. */
function before(operations: readonly KeyOperation[], end: number): KeyOperation[] {
  return operations
    .filter(({ invoked, ended, request }) => invoked < end && (ended <= end || request.op !== 'get'))
    .map((each) => (each.ended <= end || each.outcome === 'unknown' ? each : opened(each)));
}

function opened(operation: KeyOperation): KeyOperation {
  return { ...operation, outcome: 'unknown', ended: Infinity, isOngoing: true };
}

function observes(operation: KeyOperation): boolean {
  const { request, outcome, response } = operation;
  return outcome === 'ok' && (request.op === 'get' || response?.swapped === false);
}

function completed(order: readonly KeyOperation[]): number {
  return order.filter(({ outcome }) => outcome === 'ok').length;
}

/** Begins of operations at which no other one with an answer was going on, up to the first of those to keep. */
function quietMoments(operations: readonly KeyOperation[], keep: ReadonlySet<number>): number[] {
  const answered = operations.filter(({ outcome }) => outcome === 'ok');
  const limit = Math.min(...operations.filter(({ id }) => keep.has(id)).map(({ invoked }) => invoked));
  const moments: number[] = [];
  let lastEnd = -1;
  for (const { invoked, ended } of answered) {
    if (lastEnd >= 0 && invoked > lastEnd && invoked <= limit) moments.push(invoked - 0.5);
    lastEnd = Math.max(lastEnd, ended);
  }
  return moments;
}
