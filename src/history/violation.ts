import { nameAnomaly, nameByWindow, type Anomaly, type AnomalyName } from './anomaly';
import { Meter, type Budget } from './budget';
import { describe, heldAfter, showHeld } from './describe';
import type { History, Operation } from './history';
import { accepts, ruleOf, Values, type Held } from './model';
import type { KeyHistory, KeyOperation, WrongAnswer } from './partition';
import { Shrinker, type Window } from './window';

/** An operation at the point where it took effect. */
export interface Placed {
  readonly operation: KeyOperation;
  /** What the key held afterwards. */
  readonly after: Held;
}

export interface Unplaced {
  readonly operation: KeyOperation;
  readonly reason: string;
}

/** Why a history is wrong: the smallest part found that no order explains. */
export interface Violation {
  readonly anomaly: Anomaly;
  /** Missing where one answer is wrong by itself. */
  readonly window?: ViolatedWindow;
}

export interface ViolatedWindow {
  readonly key: string;
  /** In the order of their begins. */
  readonly operations: readonly KeyOperation[];
  /** All that the key may hold before the window. */
  readonly starts: Window['starts'];
  /** What it holds before `order`. */
  readonly start: Held;
  /** The longest order that explains some of the operations. */
  readonly order: readonly Placed[];
  /** Those with an answer that have no place in it. */
  readonly unplaced: readonly Unplaced[];
  /** Operations on this key that the contradiction does not need. */
  readonly omitted: number;
  /** Local reads may take effect before they begin. */
  readonly relaxLocalReads: boolean;
}

/** Explaining is for people: a smaller window is not worth a long wait. */
const STEPS = 1_000_000;
const LIMIT_MS = 2000;

/** Explains why no order of the operations on one key exists. */
export function explainViolation(
  history: History,
  violated: KeyHistory,
  budget: Budget,
  relaxLocalReads: boolean,
): Violation {
  const { steps = STEPS, time } = budget;
  const meter = new Meter({
    ...budget,
    steps: Math.min(steps, STEPS),
    time: time && { ...time, limitMs: Math.min(time.limitMs, LIMIT_MS) },
  });
  const shrinker = new Shrinker(meter, relaxLocalReads);
  const whole = Shrinker.whole(violated.operations, history.initial);
  meter.phase(0.5);
  const { window: head, culprit } = shrinker.cutTail(whole);
  if (culprit === undefined) throw new Error('a history without an answer cannot violate anything');
  const anomaly = nameAnomaly({
    operations: violated.operations,
    failed: failedOn(history, violated.key),
    initial: history.initial,
    culprit,
    relaxLocalReads,
  });
  const window = shrink(shrinker, meter, head, new Set(anomaly.ids));
  meter.phase(1);
  const { start, order } = shrinker.longestOrder(window);
  return {
    anomaly: nameByWindow(anomaly, window, culprit),
    window: {
      key: violated.key,
      operations: window.operations,
      starts: window.starts,
      start,
      order: place(start, order),
      unplaced: unplaced(window, start, order),
      omitted: violated.operations.length - window.operations.length,
      relaxLocalReads,
    },
  };
}

/** Each phase leaves time to those behind it: the last ones are those that make a huge window small. */
function shrink(shrinker: Shrinker, meter: Meter, head: Window, keep: ReadonlySet<number>): Window {
  const phase = (share: number, next: (window: Window) => Window, window: Window): Window => {
    meter.phase(share);
    return next(window);
  };
  const cutFront = (window: Window): Window => shrinker.cutFront(window, keep);
  // Fewer operations to drop after the first cut; more quiet moments for the second one after that.
  const first = phase(0.3, cutFront, head);
  const needed = phase(0.4, (window) => shrinker.dropObservers(window, keep), first);
  const second = phase(0.4, cutFront, needed);
  return phase(0.8, (window) => shrinker.dropIdle(shrinker.dropWrites(window, keep)), second);
}

/** How many operations are left out, as a sentence; nothing for none. */
export function omittedText({ omitted }: ViolatedWindow): string {
  if (omitted === 0) return '';
  return omitted === 1
    ? '1 more operation on this key does not matter for it.'
    : `${omitted} more operations on this key do not matter for it.`;
}

/** Explains an answer that is wrong by itself. */
export function explainWrongAnswer({ operation, reason }: WrongAnswer, name: AnomalyName): Violation {
  const { client, id, request } = operation;
  return {
    anomaly: {
      name,
      text: `The answer to the ${request.op} of ${client} (operation ${id}) cannot be: ${reason}.`,
      ids: [id],
    },
  };
}

function failedOn(history: History, key: string): KeyOperation[] {
  return history.operations.filter(
    (each): each is KeyOperation => each.outcome === 'fail' && isOn(each, key),
  );
}

function isOn({ request }: Operation, key: string): boolean {
  return request.op !== 'list' && request.key === key;
}

function place(start: Held, order: readonly KeyOperation[]): Placed[] {
  let held = start;
  return order.map((operation) => {
    held = heldAfter(held, operation);
    return { operation, after: held };
  });
}

function unplaced(window: Window, start: Held, order: readonly KeyOperation[]): Unplaced[] {
  const values = new Values(window.operations);
  const held = place(start, order).at(-1)?.after ?? start;
  const ids = new Set(order.map(({ id }) => id));
  const left = window.operations.filter(({ id, outcome }) => outcome === 'ok' && !ids.has(id));
  const first = left.toSorted((a, b) => a.ended - b.ended)[0];
  return left.map((operation) => {
    if (!accepts(ruleOf(operation, values), values.numberOf(held)))
      return { operation, reason: `but then the key holds ${showHeld(held)}` };
    const isFirst = first === undefined || operation === first;
    return { operation, reason: isFirst ? 'but not here' : `but ${describe(first)} ended before it began` };
  });
}
