import { setMaxListeners } from 'node:events';
import { appendFileSync, writeFileSync } from 'node:fs';
import type { Row } from '../bench/measure';
import { checkInstalled } from './bench/clusters';
import { benchCommand, checkTogether, type BenchOptions } from './bench/options';
import { plotOf } from './bench/plot';
import { closing, documentOf, headline, rowHeader, rowLine } from './bench/report';
import { runSession } from './bench/session';
import { run, UsageError } from './options';

const INTERRUPTED = 130;

/** Measures how fast a cluster is, alone or beside others. */
export async function main(argv: readonly string[]): Promise<number> {
  const command = benchCommand();
  return await run(command, argv, async () => {
    const options = command.opts<BenchOptions>();
    checkTogether(options);
    checkInstalled(options.against);
    const signal = interruption();
    try {
      return await measureAndReport(options, signal);
    } catch (error) {
      // Whatever fails then fails because the servers are gone.
      if (signal.aborted) return INTERRUPTED;
      throw error;
    }
  });
}

/** Aborts at the first signal from outside; the second one ends the program at once. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  // Each cluster and each load listens.
  setMaxListeners(0, controller.signal);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      // Stopping hangs, or takes too long for somebody: the children die with this process.
      if (controller.signal.aborted) process.exit(INTERRUPTED);
      controller.abort();
    });
  return controller.signal;
}

async function measureAndReport(options: BenchOptions, signal: AbortSignal): Promise<number> {
  const isForPeople = options.json !== true;
  const print = (...lines: readonly string[]): void => {
    if (isForPeople) process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  };
  // A name that cannot be written is better known before than after the measurements.
  if (options.plot !== undefined) write(options.plot, '', appendFileSync);
  const rows: Row[] = [];
  let isFirst = true;
  const measured = await runSession(options, signal, {
    started: (systems) => {
      if (isFirst) print(headline(options, systems), '');
      isFirst = false;
    },
    notice: (text) => process.stderr.write(`${text}\n`),
    row: (row) => {
      if (rows.length === 0) print(rowHeader(options));
      rows.push(row);
      print(rowLine(options, row));
    },
  });
  print(...closing(options, rows));
  const document = documentOf(options, rows, measured);
  if (!isForPeople) process.stdout.write(`${JSON.stringify(document)}\n`);
  if (options.plot !== undefined)
    write(options.plot, plotOf(document, headline(options, measured), options.plot));
  return rows.some((row) => row.errors > 0 || row.operationsPerSecond === 0) ? 1 : 0;
}

function write(file: string, content: string, by: typeof appendFileSync = writeFileSync): void {
  try {
    by(file, content);
  } catch (error) {
    throw new UsageError(`the plot cannot be written: ${(error as Error).message}`);
  }
}
