import { randomInt } from 'node:crypto';
import { createHistogram } from 'node:perf_hooks';
import type { CallOptions } from '../../client/client';
import { connect } from '../../client/connect';
import { SeededRandom } from '../../core/random';
import type { HistoryEvent } from '../../history/history';
import { Recorder } from '../../history/recorder';
import { RecordingClient } from '../../history/recording-client';
import { EXIT, graver } from './exit-codes';
import type { ExitCode } from './exit-codes';
import { MixedRequests } from './mixed-requests';
import type { Mixture } from './mixed-requests';

/** What is still in progress when the caller cancels gets so long to end by itself. */
const GRACE_MS = 1000;

export interface BenchPlan {
  readonly servers: readonly string[];
  readonly clients: number;
  readonly durationMs: number;
  readonly mixture: Mixture;
  /** Of each operation; `signal` ends the whole early. */
  readonly call: CallOptions;
}

/** What came of a mixed load, so far or in all. Times in milliseconds. */
export interface BenchResult {
  readonly durationMs: number;
  readonly ok: number;
  /** Surely without effect. */
  readonly failed: number;
  /** Writes that may have taken effect or not. */
  readonly unknown: number;
  readonly operationsPerSecond: number;
  /** Of those that succeeded; 0 without any. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Why the last one that did not succeed did not. */
  readonly lastError: string | undefined;
}

/** A mixed load by clients of its own, one operation at a time each, every one at another server first. */
export class Bench {
  readonly #plan: BenchPlan;
  readonly #record: (event: HistoryEvent) => void;
  readonly #latency = createHistogram();
  readonly #outcomes = { ok: 0, fail: 0, unknown: 0 };
  #lastError: string | undefined;
  #startedAt = NaN;
  #endedAt = NaN;

  /** `record` sees every event when it happens. */
  constructor(plan: BenchPlan, record: (event: HistoryEvent) => void) {
    this.#plan = plan;
    this.#record = record;
  }

  get result(): BenchResult {
    const { ok, fail, unknown } = this.#outcomes;
    const durationMs = (Number.isNaN(this.#endedAt) ? performance.now() : this.#endedAt) - this.#startedAt;
    const percentileMs = (percent: number): number =>
      ok === 0 ? 0 : microseconds(this.#latency.percentile(percent) / 1e6);
    return {
      durationMs: microseconds(durationMs),
      ...{ ok, failed: fail, unknown },
      operationsPerSecond: Math.round((100 * ok) / (durationMs / 1000)) / 100,
      ...{ p50Ms: percentileMs(50), p99Ms: percentileMs(99) },
      lastError: this.#lastError,
    };
  }

  /** Resolves when every client has ended its last operation. */
  async run(): Promise<void> {
    const { clients, call } = this.#plan;
    const giveUp = new AbortController();
    let grace: NodeJS.Timeout | undefined;
    const onCancel = (): void => {
      grace = setTimeout(() => {
        giveUp.abort();
      }, GRACE_MS);
    };
    call.signal?.addEventListener('abort', onCancel);
    this.#startedAt = performance.now();
    const recorder = new Recorder(
      () => microseconds(performance.now() - this.#startedAt),
      (event) => {
        this.#take(event);
      },
    );
    const seed = new SeededRandom(randomInt(2 ** 32));
    try {
      await Promise.all(
        Array.from({ length: clients }, async (_, number) => {
          const name = `client-${number}`;
          const requests = new MixedRequests(name, this.#plan.mixture, seed.fork(name));
          await this.#client(number, name, requests, recorder, { ...call, signal: giveUp.signal });
        }),
      );
    } finally {
      this.#endedAt = performance.now();
      clearTimeout(grace);
      call.signal?.removeEventListener('abort', onCancel);
    }
  }

  async #client(
    number: number,
    name: string,
    requests: MixedRequests,
    recorder: Recorder,
    call: CallOptions,
  ): Promise<void> {
    const { servers, durationMs } = this.#plan;
    const first = number % servers.length;
    const client = connect({ servers: [...servers.slice(first), ...servers.slice(0, first)] });
    const recording = new RecordingClient(name, client, recorder);
    const isOver = (): boolean =>
      performance.now() - this.#startedAt >= durationMs || this.#plan.call.signal?.aborted === true;
    try {
      while (!isOver()) {
        const request = requests.next();
        const sentAt = performance.now();
        const response = await recording.perform(request, call);
        if (response === undefined) continue;
        this.#latency.record(Math.max(1, Math.round((performance.now() - sentAt) * 1e6)));
        requests.saw(request, response);
      }
    } finally {
      await client.close();
    }
  }

  #take(event: HistoryEvent): void {
    this.#record(event);
    if (event.type === 'invoke') return;
    this.#outcomes[event.type]++;
    if (event.type !== 'ok') this.#lastError = event.error;
  }
}

/** The same milliseconds without digits that mean nothing. */
export function microseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** For people. */
export function formatBench(result: BenchResult): string[] {
  const { durationMs, ok, failed, unknown, operationsPerSecond, p50Ms, p99Ms } = result;
  const seconds = (durationMs / 1000).toFixed(1);
  return [
    `${operationsPerSecond.toFixed(0)} operations per second for ${seconds} s, ` +
      `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
    `${ok} ok, ${failed} failed, ${unknown} unknown`,
  ];
}

export function exitCodeOfBench({ ok, failed, unknown }: BenchResult, isCancelled: boolean): ExitCode {
  const codes = [
    ...(unknown > 0 ? [EXIT.unknown] : []),
    ...(isCancelled ? [EXIT.cancelled] : []),
    ...(failed > 0 || ok === 0 ? [EXIT.failed] : []),
  ];
  return codes.reduce(graver, EXIT.ok);
}
