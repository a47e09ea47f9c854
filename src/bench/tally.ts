import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Refusal } from './system';

const BUCKET_MS = 1000;
/** A shorter rest at the end says little about a rate. */
const SHORTEST_BUCKET_MS = 200;

export interface Throughput {
  /** Begin of the interval, since the start. */
  readonly atMs: number;
  readonly operationsPerSecond: number;
}

export interface LoadResult {
  /** Those that succeeded. */
  readonly operations: number;
  /** Answered with an error, or not answered. */
  readonly errors: number;
  readonly lastError: string | undefined;
  readonly durationMs: number;
  /** In nanoseconds. Successes, and operations without an answer with the time that was waited; no refusals. */
  readonly latency: RecordableHistogram;
  /** Open loop: how late the generator itself sent, in nanoseconds. Part of the latency. */
  readonly lateness: RecordableHistogram;
  /** One entry per second. */
  readonly throughput: readonly Throughput[];
  /** Processor time of the generator's process. */
  readonly generatorCpuMs: number;
}

/** Counts what becomes of the operations of one load. Times in milliseconds of performance.now(). */
export class Tally {
  readonly startedAtMs = performance.now();
  readonly #cpu = process.cpuUsage();
  readonly #latency = createHistogram();
  readonly #lateness = createHistogram();
  readonly #buckets: number[] = [];
  #errors = 0;
  #operations = 0;
  #lastError: string | undefined;

  /** The operations of one request were answered; each has its own time from which its latency counts. */
  answered(sinceMs: readonly number[], refusal: Refusal | undefined): void {
    const nowMs = performance.now();
    const failed = Math.min(refusal?.failed ?? 0, sinceMs.length);
    if (refusal !== undefined) this.#lastError = refusal.reason;
    this.#errors += failed;
    // A request does not say which of its calls failed; all took the same time.
    const succeeded = sinceMs.length - failed;
    this.#operations += succeeded;
    for (let i = 0; i < succeeded; i++) record(this.#latency, nowMs - (sinceMs[i] ?? nowMs));
    const bucket = Math.floor((nowMs - this.startedAtMs) / BUCKET_MS);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + succeeded;
  }

  /** No answer came, or none was waited for any longer. */
  unanswered(sinceMs: readonly number[], reason: string): void {
    if (sinceMs.length === 0) return;
    const nowMs = performance.now();
    for (const since of sinceMs) record(this.#latency, nowMs - since);
    this.#errors += sinceMs.length;
    this.#lastError = reason;
  }

  /** An open loop sends an operation `lateMs` after it was due. */
  late(lateMs: number): void {
    record(this.#lateness, lateMs);
  }

  result(): LoadResult {
    const durationMs = performance.now() - this.startedAtMs;
    const cpu = process.cpuUsage(this.#cpu);
    return {
      operations: this.#operations,
      errors: this.#errors,
      lastError: this.#lastError,
      durationMs,
      latency: this.#latency,
      lateness: this.#lateness,
      throughput: throughputOf(this.#buckets, durationMs),
      generatorCpuMs: (cpu.user + cpu.system) / 1000,
    };
  }
}

function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1e6)));
}

/** The last interval is the rest of the time: a rate all the same. */
export function throughputOf(counts: readonly number[], durationMs: number): Throughput[] {
  const result: Throughput[] = [];
  for (let atMs = 0; atMs < durationMs; atMs += BUCKET_MS) {
    const lengthMs = Math.min(BUCKET_MS, durationMs - atMs);
    if (lengthMs < SHORTEST_BUCKET_MS && atMs > 0) break;
    const count = counts[atMs / BUCKET_MS] ?? 0;
    result.push({ atMs, operationsPerSecond: (1000 * count) / lengthMs });
  }
  return result;
}
