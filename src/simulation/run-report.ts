import type { HistoryEvent } from '../history/history';

/** What came of a run. Plain data. */
export interface RunReport {
  readonly seed: number;
  readonly failure: { readonly kind: string; readonly message: string } | undefined;
  readonly traceHash: string;
  readonly simulatedMs: number;
  readonly events: number;
  /** Operations that clients began, that succeeded, and that the linearizability checker looked at. */
  readonly operations: number;
  readonly succeeded: number;
  readonly checked: number;
  /** A local read that shows the past, as it may, explained; if there is one. */
  readonly staleRead: string | undefined;
  readonly chosenSlots: number;
  readonly injected: Readonly<Record<string, number>>;
  /** How often each branch of the protocol was reached. */
  readonly branches: Readonly<Record<string, number>>;
  /** What clients and servers had to do, and how often. */
  readonly loads: Readonly<Record<string, number>>;
  /** How full batches and windows were at most. */
  readonly peaks: Readonly<Record<string, number>>;
  /** What was drawn of the state, and how much of it was looked at. */
  readonly state: Readonly<Record<string, number>>;
  /** What the clients did and were told. */
  readonly history: readonly HistoryEvent[];
}
