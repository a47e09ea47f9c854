import type { Case, Row } from './measure';

/** The middle one; with an even count the mean of the two in the middle. NaN without any. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const low = sorted[Math.ceil(half) - 1] ?? NaN;
  const high = sorted[Math.floor(half)] ?? NaN;
  return (low + high) / 2;
}

/** Two systems in one case: medians over all rounds, and of the quotients of each round. */
export interface Ratio extends Case {
  readonly against: string;
  readonly ours: Medians;
  readonly theirs: Medians;
  /** Ours by theirs, of operations per second: the median of the rounds, the lowest and the highest. */
  readonly throughput: number;
  readonly lowest: number;
  readonly highest: number;
  /** Ours by theirs, of the median latency. */
  readonly p50: number;
}

export interface Medians {
  readonly operationsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly generatorCpuPercent: number;
}

/** Compares the rows of `name` with those of every other system, case by case and round by round. */
export function ratiosOf(rows: readonly Row[], name: string): Ratio[] {
  const others = [...new Set(rows.map((row) => row.system))].filter((system) => system !== name);
  const keys = [...new Set(rows.map(caseKey))];
  const cases = keys.map((key) => rows.filter((row) => caseKey(row) === key));
  return others.flatMap((against) =>
    cases.flatMap((inCase) => {
      const ours = inCase.filter((row) => row.system === name);
      const theirs = inCase.filter((row) => row.system === against);
      const [first] = ours;
      return first === undefined || theirs.length === 0 ? [] : [compare(first, against, ours, theirs)];
    }),
  );
}

function compare(which: Case, against: string, ours: readonly Row[], theirs: readonly Row[]): Ratio {
  const quotients = (figure: (row: Row) => number): number[] =>
    ours.flatMap((row) =>
      theirs.filter(({ round }) => round === row.round).map((other) => figure(row) / figure(other)),
    );
  const throughput = quotients((row) => row.operationsPerSecond);
  const { servers, keys, target, clients } = which;
  return {
    ...{ servers, keys, target, clients, against },
    ours: mediansOf(ours),
    theirs: mediansOf(theirs),
    throughput: median(throughput),
    lowest: Math.min(...throughput),
    highest: Math.max(...throughput),
    p50: median(quotients((row) => row.p50Ms)),
  };
}

function mediansOf(rows: readonly Row[]): Medians {
  const of = (figure: (row: Row) => number): number => median(rows.map(figure));
  return {
    operationsPerSecond: of((row) => row.operationsPerSecond),
    p50Ms: of((row) => row.p50Ms),
    p99Ms: of((row) => row.p99Ms),
    generatorCpuPercent: of((row) => row.generatorCpuPercent),
  };
}

function caseKey({ servers, keys, target, clients }: Case): string {
  return [servers, keys, target, clients].join();
}
