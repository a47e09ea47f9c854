import { Option } from 'commander';
import type { Command } from 'commander';
import type { History, HistoryEvent } from '../../history/history';
import { Recorder } from '../../history/recorder';
import { durationMs, probability, wholeNumber } from '../options';
import { Bench, exitCodeOfBench, formatBench, microseconds } from './bench';
import type { BenchPlan } from './bench';
import type { Context, Run } from './commands';
import { formatStep, runDemo, summary } from './demo';
import type { DemoStep } from './demo';
import { EXIT } from './exit-codes';
import { HistoryWriter } from './history-writer';
import type { Report } from './output';

const PROGRESS_MS = 200;
const HISTORY_HELP = 'write what was asked and answered to this file, for "synod check"';

interface BenchOptions {
  readonly clients: number;
  readonly duration: number;
  readonly keys: number;
  readonly reads: number;
  readonly history?: string;
}

/** Adds the commands that do many operations, and can record them. */
export function addLoadCommands(program: Command, run: Run): void {
  const demo: Command = program
    .command('demo')
    .description('five PUTs, five GETs and five DELETEs of keys of its own')
    .option('--history <file>', HISTORY_HELP)
    .action(({ history }: { history?: string }) => {
      // Its keys are known to be new only as far as a few random characters go.
      const writer = openHistory(demo, history, 'unknown');
      return run('demo', (context) => recording(writer, (record) => performDemo(context, record)));
    });
  const bench: Command = program
    .command('bench')
    .description(
      'a mixed load by many clients at a time, on keys of its own; for the speed of writes alone see bin/bench',
    )
    .option('--clients <count>', 'how many, each at another server first', wholeNumber(1, 1000), 8)
    .addOption(
      new Option('--duration <time>', 'how long: 500ms, 4s, 2m').argParser(durationMs).default(5000, '5s'),
    )
    .option('--keys <count>', 'how many keys, the first ones used more often', wholeNumber(1, 1_000_000), 10)
    .option('--reads <share>', 'share of reads among the operations, 0 to 1', probability, 0.5)
    .option('--history <file>', HISTORY_HELP)
    .action(({ history, ...options }: BenchOptions) => {
      const writer = openHistory(bench, history, 'absent');
      return run('bench', (context) =>
        recording(writer, (record) => performBench(context, options, record, writer?.signal)),
      );
    });
}

function openHistory(
  command: Command,
  path: string | undefined,
  initial: History['initial'],
): HistoryWriter | undefined {
  if (path === undefined) return undefined;
  try {
    return new HistoryWriter(path, initial);
  } catch (error) {
    return command.error(`error: the history cannot be written: ${(error as Error).message}`);
  }
}

/** Carries out a task that records what it does, and sees to the history file. */
async function recording(
  writer: HistoryWriter | undefined,
  task: (record: (event: HistoryEvent) => void) => Promise<Report>,
): Promise<Report> {
  try {
    const report = await task((event) => writer?.event(event));
    if (writer?.failure === undefined) return report;
    return { ...report, note: `the history is not complete: ${writer.failure}`, exitCode: EXIT.failed };
  } finally {
    writer?.close();
  }
}

async function performBench(
  { client, call, read, output }: Context,
  { clients, duration, keys, reads }: BenchOptions,
  record: (event: HistoryEvent) => void,
  cannotRecord: AbortSignal | undefined,
): Promise<Report> {
  const prefix = `bench-${client.id.slice(0, 8)}/`;
  // A cluster that is not there is told at once, in the usual words.
  await client.get(prefix, { ...call, read: 'linearizable' });
  const plan: BenchPlan = {
    ...{ servers: client.servers, clients, durationMs: duration },
    call: { ...call, signal: anyOf(call.signal, cannotRecord) },
    mixture: { prefix, keys, reads, readLevels: [read] },
  };
  const bench = new Bench(plan, record);
  const progress = setInterval(() => {
    const { durationMs: passedMs, ok, failed, unknown } = bench.result;
    const time = `${(passedMs / 1000).toFixed(1)} s of ${duration / 1000} s`;
    output.progress(`${time}: ${ok} ok, ${failed} failed, ${unknown} unknown`);
  }, PROGRESS_MS);
  try {
    await bench.run();
  } finally {
    clearInterval(progress);
    output.progress('');
  }
  const { result } = bench;
  return {
    result: { clients, keys: { prefix, count: keys }, ...result },
    lines: formatBench(result),
    ...(result.lastError !== undefined && { note: `the last one that did not succeed: ${result.lastError}` }),
    exitCode: exitCodeOfBench(result, call.signal?.aborted === true),
  };
}

function anyOf(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

async function performDemo(
  { client, call, output }: Context,
  record: (event: HistoryEvent) => void,
): Promise<Report> {
  const { green, red, bold } = output.colors;
  const startedAt = performance.now();
  const steps: DemoStep[] = [];
  const allAsExpected = await runDemo(
    client,
    (step) => {
      steps.push(step);
      if (output.json) output.data(JSON.stringify(stepFacts(step)));
      else output.data((step.asExpected ? green : red)(formatStep(step)));
    },
    call,
    new Recorder(() => microseconds(performance.now() - startedAt), record),
  );
  const failed = steps.filter(({ asExpected }) => !asExpected).length;
  return {
    result: { allAsExpected, operations: steps.length, failed },
    lines: [bold((allAsExpected ? green : red)(summary(allAsExpected)))],
    exitCode: allAsExpected ? EXIT.ok : EXIT.failed,
  };
}

function stepFacts({ operation, key, asExpected, result, error, durationMs: ms }: DemoStep): object {
  const content = error
    ? { error: { code: error.code, name: error.kind, message: error.message, definite: error.definite } }
    : { result };
  return { command: operation, key, ...content, asExpected, ms: microseconds(ms) };
}
