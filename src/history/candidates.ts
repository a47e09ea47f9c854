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
  /** The completed ones that each has to wait for, besides what real time asks for. */
  readonly earlierReads: readonly EarlierReads[];
}

/** Some of the numbers in `reads`, which many share: there may be as many pairs as the square of the reads. */
export interface EarlierReads {
  readonly reads: readonly number[];
  readonly from: number;
  readonly to: number;
}

const NO_READS: EarlierReads = { reads: [], from: 0, to: 0 };

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
    earlierReads: earlierReadsOf(completed, isRelaxed),
  };
}

export function isLocal({ request }: KeyOperation): boolean {
  return request.op === 'get' && request.read === 'local';
}

/**
 * For each relaxed read the reads of the same server that ended before it began, but for those that ended before another
 * of them began: that one waits for them already. What is left stands together in the order of the ends.
 */
function earlierReadsOf(
  completed: readonly Candidate[],
  isRelaxed: (operation: KeyOperation) => boolean,
): EarlierReads[] {
  const earlier = completed.map(() => NO_READS);
  const byServer = new Map<string, number[]>();
  for (const [number, { operation }] of completed.entries()) {
    if (operation.server === undefined || !isRelaxed(operation)) continue;
    const known = byServer.get(operation.server);
    if (known === undefined) byServer.set(operation.server, [number]);
    else known.push(number);
  }
  const position = (number: number | undefined, which: 'invoked' | 'ended'): number =>
    completed[number ?? -1]?.operation[which] ?? Infinity;
  for (const begins of byServer.values()) {
    const reads = [...begins].sort((a, b) => position(a, 'ended') - position(b, 'ended'));
    let [from, to, lastBegin] = [0, 0, -Infinity];
    for (const number of begins) {
      for (; position(reads[to], 'ended') < position(number, 'invoked'); to++)
        lastBegin = Math.max(lastBegin, position(reads[to], 'invoked'));
      while (from < to && position(reads[from], 'ended') < lastBegin) from++;
      earlier[number] = { reads, from, to };
    }
  }
  return earlier;
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
  const last = new Map<string, number>();
  return sorted.map(({ operation, rule }, index) => {
    const effect = `${rule.target} ${rule.condition}`;
    const twin = last.get(effect) ?? -1;
    last.set(effect, index);
    return { operation, rule, twin };
  });
}
