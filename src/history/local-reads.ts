import type { Budget } from './budget';
import type { History } from './history';
import { checkKeys, type Verdict } from './linearizability';

export type LocalReadsVerdict =
  | (Omit<Extract<Verdict, { readonly kind: 'linearizable' }>, 'kind'> & { readonly kind: 'sequential' })
  | Exclude<Verdict, { readonly kind: 'linearizable' }>;

/**
 * What reads with `read: 'local'` are promised: writes and linearizable reads have one order that respects real time,
 * and each local read shows the state after some first part of it, no later than the read ended; what one server shows
 * never goes back. A local read without a known server counts as one of a server of its own. Judged key by key: parts
 * of the order that differ between keys are not seen, see docs/histories.md.
 */
export function checkLocalReads(history: History, budget: Budget = {}): LocalReadsVerdict {
  const verdict = checkKeys(history, budget, { relaxLocalReads: true, keepLongest: false });
  return verdict.kind === 'linearizable' ? { ...verdict, kind: 'sequential' } : verdict;
}
