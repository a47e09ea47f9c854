import type { Request, Response } from './history';
import type { KeyOperation } from './partition';

/** What one key holds: a value, null for absent, undefined for a value that nothing in the history names. */
export type Held = string | null | undefined;

/** What must hold of the state for an operation to give the answer it gave. */
export const TEST = { any: 0, present: 1, exactly: 2, not: 3, never: 4 } as const;
export type Test = (typeof TEST)[keyof typeof TEST];

export const ABSENT = 0;
/** Any value that no answer and no compareAndSet names: they all behave alike. */
export const OTHER = 1;
export const REFUSED = -1;
const NONE = -1;

/**
 * One operation on one key, as a rule over small integers. It is possible where `test` holds (with `operand`, for
 * `exactly` and `not`), and then sets the state to `target`, or leaves it when that is -1; with a `condition` other
 * than -1 it sets it only in that state.
 */
export interface Rule {
  readonly test: Test;
  readonly operand: number;
  readonly target: number;
  readonly condition: number;
}

/** What follows from a state: REFUSED, or the next state. */
export function step(rule: Rule, state: number): number {
  if (!accepts(rule, state)) return REFUSED;
  if (rule.target === NONE) return state;
  return rule.condition === NONE || rule.condition === state ? rule.target : state;
}

export function accepts({ test, operand }: Rule, state: number): boolean {
  switch (test) {
    case TEST.any:
      return true;
    case TEST.present:
      return state !== ABSENT;
    case TEST.exactly:
      return state === operand;
    case TEST.not:
      return state !== operand;
    case TEST.never:
      return false;
  }
}

/** Whether it leaves every state that it accepts as it is. */
export function isObserver(rule: Rule): boolean {
  return rule.target === NONE;
}

/** Whether it is possible in every state and leads to the same one: what came directly before does not matter. */
export function isBlind(rule: Rule): boolean {
  return rule.test === TEST.any && rule.target !== NONE && rule.condition === NONE;
}

/** Small integers for the values of one key. Values that nothing observes share one, OTHER. */
export class Values {
  readonly #numbers = new Map<string, number>();
  readonly #values: Held[] = [null, undefined];

  /** Of these operations on one key, which may be more than those that are searched. */
  constructor(operations: readonly KeyOperation[]) {
    for (const { request, outcome, response } of operations) {
      if (request.op === 'compareAndSet') this.#name(request.expect);
      if (outcome !== 'ok') continue;
      if (request.op === 'get') this.#name(response?.value);
      if (request.op === 'compareAndSet') this.#name(response?.actual);
    }
  }

  numberOf(value: Held): number {
    if (value === null) return ABSENT;
    return value === undefined ? OTHER : (this.#numbers.get(value) ?? OTHER);
  }

  valueOf(state: number): Held {
    return this.#values[state];
  }

  /** Every state there is. */
  all(): number[] {
    return [...this.#values.keys()];
  }

  #name(value: Held): void {
    if (typeof value !== 'string' || this.#numbers.has(value)) return;
    this.#numbers.set(value, this.#values.length);
    this.#values.push(value);
  }
}

/** The rule of an operation on one key; without an answer (`unknown`) nothing but its effect. */
export function ruleOf({ request, outcome, response }: KeyOperation, values: Values): Rule {
  const answer = outcome === 'ok' ? (response ?? {}) : {};
  switch (request.op) {
    case 'get':
      return { ...exactly(answer.value, values), target: NONE, condition: NONE };
    case 'put':
      return { ...existing(answer.replaced), target: values.numberOf(request.value), condition: NONE };
    case 'delete':
      return { ...existing(answer.deleted), target: ABSENT, condition: NONE };
    case 'compareAndSet':
      return compareAndSetRule(request, answer, values);
  }
}

type Condition = Pick<Rule, 'test' | 'operand'>;

function exactly(value: Held, values: Values): Condition {
  if (value === undefined) return { test: TEST.any, operand: NONE };
  return { test: TEST.exactly, operand: values.numberOf(value) };
}

function existing(was: boolean | undefined): Condition {
  if (was === undefined) return { test: TEST.any, operand: NONE };
  return was ? { test: TEST.present, operand: NONE } : { test: TEST.exactly, operand: ABSENT };
}

function compareAndSetRule(
  { expect, value }: Extract<Request, { readonly op: 'compareAndSet' }>,
  { swapped, actual }: Response,
  values: Values,
): Rule {
  const expected = values.numberOf(expect);
  const target = expect === value ? NONE : values.numberOf(value);
  const contradicts = actual !== undefined && swapped !== undefined && swapped !== (actual === expect);
  if (contradicts) return { test: TEST.never, operand: NONE, target: NONE, condition: NONE };
  const found = actual === undefined && swapped === true ? expect : actual;
  if (found !== undefined)
    return { ...exactly(found, values), target: found === expect ? target : NONE, condition: NONE };
  if (swapped === false) return { test: TEST.not, operand: expected, target: NONE, condition: NONE };
  return { test: TEST.any, operand: NONE, target, condition: target === NONE ? NONE : expected };
}
