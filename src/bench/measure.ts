import type { RecordableHistogram } from 'node:perf_hooks';
import { SeededRandom } from '../core/random';
import type { Random } from '../core/environment';
import { Arrivals, type ArrivalKind } from './arrivals';
import { closedLoop, type LoadPlan } from './closed-loop';
import { openLoop } from './open-loop';
import type { ConnectionOptions, ReadLevel, Spent, System } from './system';
import type { LoadResult, Throughput } from './tally';
import { Workload, type Distribution } from './workload';

/** An answer that takes longer is lost. */
const TIMEOUT_MS = 10_000;
/** Before each measurement the same load runs unmeasured, so that connections stand and caches are warm. */
const SETTLE_MS = 1000;
const DRAIN_MS = 5000;
/** Every run draws the same keys in the same order. */
const SEED = 20_011;

/** Where the clients go: all to the leader, all to the first server, or spread evenly. */
export type Target = 'leader' | 'one' | 'all';

export interface LoadSettings {
  readonly durationMs: number;
  readonly valueBytes: number;
  readonly reads: number;
  readonly read: ReadLevel;
  readonly distribution: Distribution;
  /** Operations that each client has in flight. */
  readonly pipeline: number;
  /** One request with all of them, where the system knows that, or as many requests. */
  readonly pipelineBy: 'batch' | 'requests';
  /** Open loop; undefined: closed loop. */
  readonly arrivals: { readonly kind: ArrivalKind; readonly operationsPerSecond: number } | undefined;
}

export interface Case {
  readonly servers: number;
  readonly keys: number;
  readonly target: Target;
  readonly clients: number;
}

/** How one case went for one system in one round; null: not known for this system, or not meant for this loop. */
export interface Row extends Case {
  readonly system: string;
  readonly round: number;
  readonly operationsPerSecond: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Between the servers, requests and answers. */
  readonly peerMessagesPerOperation: number | null;
  readonly peerBytesPerOperation: number | null;
  /** Of all servers together. */
  readonly serverCpuMsPerOperation: number | null;
  readonly serverMemoryBytes: number | null;
  /** Of the load generator, in percent of one processor. */
  readonly generatorCpuPercent: number;
  /** Open loop: how late the generator itself was, 99th percentile. */
  readonly generatorLatenessMs: number | null;
  readonly errors: number;
  readonly lastError: string | null;
  readonly throughput: readonly Throughput[];
}

/** Runs one case once on one system. */
export async function measure(
  system: System,
  which: Case,
  round: number,
  settings: LoadSettings,
  signal: AbortSignal,
): Promise<Row> {
  const settleMs = Math.min(SETTLE_MS, settings.durationMs);
  await load(system, which, { ...settings, durationMs: settleMs, arrivals: undefined }, signal);
  const before = await system.spent();
  const result = await load(system, which, settings, signal);
  const after = await system.spent();
  const isOpen = settings.arrivals !== undefined;
  return { ...which, system: system.name, round, ...figuresOf(result, before, after, isOpen) };
}

/** Runs the load of one case and closes its connections. */
export async function load(
  system: System,
  { keys, target, clients }: Omit<Case, 'servers'>,
  settings: LoadSettings,
  signal: AbortSignal,
): Promise<LoadResult> {
  const targets =
    target === 'all' ? system.servers : [system.servers[target === 'one' ? 0 : await system.leader()]];
  const options = connectionOptions(settings);
  const connections = Array.from({ length: clients }, (_, number) => targets[number % targets.length])
    .filter((server) => server !== undefined)
    .map((server) => system.connect(server, options));
  const random = new SeededRandom(SEED);
  const workload = new Workload({ keys, ...settings }, random.fork('workload'));
  const isBatched = system.canBatch && settings.pipelineBy === 'batch';
  const plan: LoadPlan = {
    connections,
    durationMs: settings.durationMs,
    lanes: isBatched ? 1 : settings.pipeline,
    batch: isBatched ? settings.pipeline : 1,
    next: () => workload.next(),
    signal,
  };
  try {
    return await runLoop(plan, settings, random);
  } finally {
    for (const connection of connections) connection.close();
  }
}

function runLoop(plan: LoadPlan, { arrivals }: LoadSettings, random: Random): Promise<LoadResult> {
  if (arrivals === undefined) return closedLoop(plan);
  const schedule = new Arrivals(arrivals.kind, arrivals.operationsPerSecond, random.fork('arrivals'));
  return openLoop({ ...plan, arrivals: schedule, drainMs: DRAIN_MS });
}

export function connectionOptions({ valueBytes, read }: LoadSettings): ConnectionOptions {
  return { valueBytes, read, timeoutMs: TIMEOUT_MS };
}

type Figures = Omit<Row, keyof Case | 'system' | 'round'>;

function figuresOf(result: LoadResult, before: Spent, after: Spent, isOpen: boolean): Figures {
  const { operations, durationMs, latency } = result;
  const perOperation = (what: keyof Spent, factor = 1): number | null => {
    const [from, to] = [before[what], after[what]];
    return from === undefined || to === undefined ? null : (factor * (to - from)) / Math.max(1, operations);
  };
  return {
    operationsPerSecond: operations / (durationMs / 1000),
    p50Ms: percentileMs(latency, 50),
    p90Ms: percentileMs(latency, 90),
    p99Ms: percentileMs(latency, 99),
    maxMs: latency.count === 0 ? 0 : latency.max / 1e6,
    peerMessagesPerOperation: perOperation('peerMessages'),
    peerBytesPerOperation: perOperation('peerBytes'),
    serverCpuMsPerOperation: perOperation('cpuSeconds', 1000),
    serverMemoryBytes: after.memoryBytes ?? null,
    generatorCpuPercent: (100 * result.generatorCpuMs) / durationMs,
    generatorLatenessMs: isOpen ? percentileMs(result.lateness, 99) : null,
    errors: result.errors,
    lastError: result.lastError ?? null,
    throughput: result.throughput,
  };
}

/** 0 for a histogram without entries. */
export function percentileMs(histogram: RecordableHistogram, percent: number): number {
  return histogram.count === 0 ? 0 : histogram.percentile(percent) / 1e6;
}
