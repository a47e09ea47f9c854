import { isObserver, ruleOf, TEST, type Rule, type Values } from './model';
import type { KeyOperation } from './partition';

export interface Candidate {
  readonly operation: KeyOperation;
  readonly rule: Rule;
}

export interface Open extends Candidate {
  /** An open operation with the same effect that began earlier, -1 if none: it goes first. */
  readonly twin: number;
}

/** The operations on one key as the search takes them. */
export interface Candidates {
  /** In the order of their begins. */
  readonly completed: readonly Candidate[];
  /** Of unknown outcome, in the order of their begins. */
  readonly open: readonly Open[];
  /** From where on each completed one may take effect. */
  readonly begins: readonly number[];
  /** The numbers of the completed ones that each has to wait for, besides what real time asks for. */
  readonly earlierReads: readonly (readonly number[])[];
}

/** Relaxed local reads may take effect at any time up to their end, but those of one server in their order. */
export function prepare(
  operations: readonly KeyOperation[],
  values: Values,
  relaxLocalReads: boolean,
): Candidates {
  const isRelaxed = (operation: KeyOperation): boolean => relaxLocalReads && isLocal(operation);
  const begin = (operation: KeyOperation): number => (isRelaxed(operation) ? -1 : operation.invoked);
  const candidates = operations
    .map((operation) => ({ operation, rule: ruleOf(operation, values) }))
    // A read that shows nothing, or may have happened or not, is possible everywhere.
    .filter(({ rule }) => rule.test !== TEST.any || !isObserver(rule));
  const completed = candidates
    .filter(({ operation }) => operation.outcome === 'ok')
    .sort((a, b) => begin(a.operation) - begin(b.operation) || a.operation.invoked - b.operation.invoked);
  const unknown = candidates.filter(({ operation }) => operation.outcome === 'unknown');
  return {
    completed,
    open: openOperations(unknown, completed, values),
    begins: completed.map(({ operation }) => begin(operation)),
    earlierReads: completed.map(({ operation }) =>
      isRelaxed(operation) ? lastReadsBefore(operation, completed) : [],
    ),
  };
}

export function isLocal({ request }: KeyOperation): boolean {
  return request.op === 'get' && request.read === 'local';
}

/**
 * The numbers of the local reads of the same server that ended before this one began, but for those that ended before
 * another of them began: that one waits for them already.
 */
function lastReadsBefore(read: KeyOperation, completed: readonly Candidate[]): number[] {
  if (read.server === undefined) return [];
  const earlier = [...completed.entries()].filter(
    ([, { operation }]) =>
      isLocal(operation) && operation.server === read.server && operation.ended < read.invoked,
  );
  const lastBegin = Math.max(...earlier.map(([, { operation }]) => operation.invoked));
  return earlier.filter(([, { operation }]) => operation.ended > lastBegin).map(([number]) => number);
}

/**
 * Those operations of unknown outcome that can matter. A put of a value that nobody names leads to a state that only
 * questions about existence, and compareAndSet that answered no more than whether it swapped, can tell from another.
 */
function openOperations(
  candidates: readonly Candidate[],
  completed: readonly Candidate[],
  values: Values,
): Open[] {
  const other = values.numberOf(undefined);
  const canTell = completed.some(
    ({ rule: { test, condition } }) => test === TEST.present || test === TEST.not || condition >= 0,
  );
  const sorted = candidates
    .filter(({ rule }) => canTell || rule.target !== other)
    .sort((a, b) => a.operation.invoked - b.operation.invoked);
  return sorted.map(({ operation, rule }, index) => ({
    operation,
    rule,
    twin: sorted.findLastIndex(
      (earlier, position) =>
        position < index && earlier.rule.target === rule.target && earlier.rule.condition === rule.condition,
    ),
  }));
}
