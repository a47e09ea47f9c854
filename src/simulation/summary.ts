import type { RunReport } from './run-report';

/** What is left of a run when many are added up: its history is long. */
export type RunFigures = Omit<RunReport, 'history'> & { readonly history?: undefined };

/** Many runs, added up. Plain data. */
export interface Summary {
  readonly runs: number;
  readonly simulatedMs: number;
  readonly events: number;
  readonly operations: number;
  readonly succeeded: number;
  readonly checked: number;
  readonly chosenSlots: number;
  readonly injected: Readonly<Record<string, number>>;
  readonly branches: Readonly<Record<string, number>>;
  readonly loads: Readonly<Record<string, number>>;
  /** The highest of all runs. */
  readonly peaks: Readonly<Record<string, number>>;
  readonly state: Readonly<Record<string, number>>;
  /** Runs in which a local read showed the past, and the first of them. */
  readonly staleReads: number;
  readonly firstStaleRead: { readonly seed: number; readonly text: string } | undefined;
}

export const NO_RUNS: Summary = {
  runs: 0,
  simulatedMs: 0,
  events: 0,
  operations: 0,
  succeeded: 0,
  checked: 0,
  chosenSlots: 0,
  injected: {},
  branches: {},
  loads: {},
  peaks: {},
  state: {},
  staleReads: 0,
  firstStaleRead: undefined,
};

type Counts = Readonly<Record<string, number>>;

function join(a: Counts, b: Counts, both: (x: number, y: number) => number): Counts {
  const joined = { ...a };
  for (const [name, count] of Object.entries(b)) joined[name] = both(joined[name] ?? 0, count);
  return joined;
}

function add(a: Counts, b: Counts): Counts {
  return join(a, b, (x, y) => x + y);
}

export function addRun(summary: Summary, run: RunFigures): Summary {
  const { seed, staleRead } = run;
  const first = summary.firstStaleRead;
  return {
    runs: summary.runs + 1,
    simulatedMs: summary.simulatedMs + run.simulatedMs,
    events: summary.events + run.events,
    operations: summary.operations + run.operations,
    succeeded: summary.succeeded + run.succeeded,
    checked: summary.checked + run.checked,
    chosenSlots: summary.chosenSlots + run.chosenSlots,
    injected: add(summary.injected, run.injected),
    branches: add(summary.branches, run.branches),
    loads: add(summary.loads, run.loads),
    peaks: join(summary.peaks, run.peaks, Math.max),
    state: add(summary.state, run.state),
    staleReads: summary.staleReads + (staleRead === undefined ? 0 : 1),
    firstStaleRead:
      staleRead !== undefined && (first === undefined || seed < first.seed)
        ? { seed, text: staleRead }
        : first,
  };
}
