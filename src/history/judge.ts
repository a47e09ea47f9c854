import type { Budget } from './budget';
import type { History } from './history';
import { checkLinearizability, type Verdict } from './linearizability';
import { checkLocalReads } from './local-reads';
import { findWrongNumber } from './numbers';
import { findTornRead } from './slots';
import { explainViolation, explainWrongAnswer, type Violation } from './violation';

interface Judged {
  /** Answers that constrain something. Zero: the history says nothing. */
  readonly checked: number;
  readonly keys: number;
}

/** Whether a history keeps what its reads were promised. */
export type Judgement =
  | (Judged & { readonly kind: 'linearizable' })
  /**
   * Not linearizable, but only local reads are to blame, and they keep what a local read is promised. `violation` tells
   * why it is not linearizable.
   */
  | (Judged & { readonly kind: 'sequential'; readonly violation: Violation })
  | (Judged & { readonly kind: 'violation'; readonly violation: Violation })
  | (Judged & { readonly kind: 'unknown'; readonly reason: string });

/**
 * Checks a history, and explains what is wrong with it. The checks share the time of the budget; the explanation may
 * take as much again, but not more than two seconds.
 */
export function judge(history: History, budget: Budget = {}): Judgement {
  const beganMs = budget.time?.nowMs() ?? 0;
  const strict = checkLinearizability(history, budget);
  const judged = { checked: strict.checked, keys: strict.keys };
  const hasLocal = history.operations.some(
    ({ request }) => (request.op === 'get' || request.op === 'list') && request.read === 'local',
  );
  const relaxed =
    hasLocal && strict.kind !== 'linearizable' ? checkLocalReads(history, since(budget, beganMs)) : strict;
  if (relaxed.kind === 'violation')
    return { kind: 'violation', ...judged, violation: explain(history, relaxed, budget, hasLocal) };
  const torn = findTornRead(history);
  if (torn !== undefined)
    return { kind: 'violation', ...judged, violation: explainWrongAnswer(torn, 'torn read') };
  const number = findWrongNumber(history);
  if (number !== undefined)
    return { kind: 'violation', ...judged, violation: explainWrongAnswer(number.answer, number.name) };
  if (strict.kind === 'linearizable') return { kind: 'linearizable', ...judged };
  if (strict.kind === 'violation' && relaxed.kind === 'sequential')
    return { kind: 'sequential', ...judged, violation: explain(history, strict, budget, false) };
  const undecided = [strict, relaxed].find(({ kind }) => kind === 'unknown');
  return { kind: 'unknown', ...judged, reason: undecided?.kind === 'unknown' ? undecided.reason : '' };
}

function since(budget: Budget, beganMs: number): Budget {
  const { time } = budget;
  if (time === undefined) return budget;
  return { ...budget, time: { ...time, limitMs: time.limitMs - (time.nowMs() - beganMs) } };
}

function explain(
  history: History,
  verdict: Extract<Verdict, { readonly kind: 'violation' }>,
  budget: Budget,
  relaxLocalReads: boolean,
): Violation {
  return 'wrongList' in verdict
    ? explainWrongAnswer(verdict.wrongList, 'impossible list')
    : explainViolation(history, verdict.violated, budget, relaxLocalReads);
}
