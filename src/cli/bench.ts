import { setMaxListeners } from 'node:events';
import { cpus } from 'node:os';
import { checkReady, closedLoop, spent, type LoadResult, type Spent } from '../bench/load';
import type { Address } from '../network/address';
import {
  addresses,
  durationMs,
  option,
  packageVersion,
  program,
  run,
  UsageError,
  wholeNumber,
} from './options';
import type { Reporter } from './supervisor/reporter';
import { temporaryCluster } from './supervisor/temporary-cluster';

/** Until the servers' code is compiled by the engine and their connections stand. */
const WARM_UP_MS = 10_000;

interface BenchOptions {
  readonly clients: number[];
  readonly duration: number;
  readonly spread: 'one' | 'all' | 'both';
  readonly count: number;
  readonly servers?: Address[];
  readonly valueBytes: number;
  readonly keys: number;
  readonly json?: true;
  readonly ephemeral?: true;
}

/** One line of the result: what ran, and how it went. Times in milliseconds. */
interface Row {
  readonly target: 'one server' | 'all servers';
  readonly clients: number;
  readonly operationsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly messagesPerOperation: number;
  /** Of all servers together. */
  readonly cpuMsPerOperation: number;
  readonly errors: number;
}

function list(text: string): number[] {
  return text.split(',').map(wholeNumber(1, 4096));
}

/** Measures how fast a cluster writes. */
export async function main(argv: readonly string[]): Promise<number> {
  const command = program('bench', 'Measure writes: closed loop, on a fresh cluster or on a running one.', [
    ['bench', '1, 16 and 64 clients, on one server and spread over five'],
    ['bench --clients 64 --spread all --duration 10s', 'one case, longer'],
    ['bench --servers 127.0.0.1:15000,127.0.0.1:15001 --json', 'a running cluster, for programs'],
  ])
    .addOption(
      option('--clients <list>', 'how many clients at a time')
        .argParser(list)
        .default([1, 16, 64], '1,16,64'),
    )
    .addOption(option('--duration <time>', 'of each case').argParser(durationMs).default(3000, '3s'))
    .addOption(
      option('--spread <which>', 'clients on one server, on all')
        .choices(['one', 'all', 'both'])
        .default('both'),
    )
    .addOption(
      option('-n, --count <servers>', 'size of the fresh cluster').argParser(wholeNumber(1, 99)).default(5),
    )
    .addOption(option('--servers <list>', 'measure this running cluster instead').argParser(addresses))
    .addOption(
      option('--value-bytes <bytes>', 'size of each value').argParser(wholeNumber(0, 1_000_000)).default(64),
    )
    .addOption(
      option('--keys <count>', 'how many keys are written')
        .argParser(wholeNumber(1, 10_000_000))
        .default(10_000),
    )
    .addOption(option('--ephemeral', 'the fresh cluster writes nothing to disk'))
    .addOption(option('--json', 'one JSON document'));
  return await run(command, argv, async () => {
    const options = command.opts<BenchOptions>();
    const interruption = new AbortController();
    const { signal } = interruption;
    // Each client listens while it waits.
    setMaxListeners(0, signal);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(name, () => {
        if (signal.aborted) process.exit(130);
        interruption.abort();
      });
    const measure = (servers: readonly Address[]): Promise<number> => measureAll(options, servers, signal);
    const running = options.servers;
    const exitCode =
      running === undefined ? await onFreshCluster(options, measure, signal) : await measure(running);
    return signal.aborted ? 130 : exitCode;
  });
}

async function onFreshCluster(
  options: BenchOptions,
  measure: (servers: readonly Address[]) => Promise<number>,
  signal: AbortSignal,
): Promise<number> {
  const reporter: Reporter = {
    line: (id, _stream, text) => process.stderr.write(`server ${id} | ${text}\n`),
    notice: (_level, text) => process.stderr.write(`${text}\n`),
  };
  const { members, supervisor, remove } = await temporaryCluster(
    options.count,
    options.ephemeral === true ? { ephemeral: true } : {},
    reporter,
    'in a measurement',
  );
  signal.addEventListener('abort', () => {
    supervisor.stop();
  });
  try {
    supervisor.start();
    const { ended } = supervisor;
    const isReady = await Promise.race([supervisor.ready.then(() => true), ended.then(() => false)]);
    return isReady ? await Promise.race([measure(members), ended.then((code) => Math.max(code, 1))]) : 1;
  } finally {
    await remove();
  }
}

async function measureAll(
  options: BenchOptions,
  servers: readonly Address[],
  signal: AbortSignal,
): Promise<number> {
  try {
    await checkReady(servers);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const rows: Row[] = [];
  const spreads = options.spread === 'both' ? (['one', 'all'] as const) : [options.spread];
  if (options.json !== true) printHeader(options, servers.length);
  const isInterrupted = (): boolean => signal.aborted;
  const load = { valueBytes: options.valueBytes, keys: options.keys, signal };
  process.stderr.write(`warming up for ${WARM_UP_MS / 1000} s ...\n`);
  await closedLoop({ ...load, targets: servers, clients: 32, durationMs: WARM_UP_MS });
  for (const spread of spreads) {
    const targets = spread === 'one' ? servers.slice(0, 1) : servers;
    for (const clients of options.clients) {
      const some = { ...load, targets, clients };
      await closedLoop({ ...some, durationMs: Math.min(1000, options.duration) });
      if (isInterrupted()) return 130;
      const before = await spent(servers);
      const result = await closedLoop({ ...some, durationMs: options.duration });
      if (isInterrupted()) return 130;
      const after = await spent(servers);
      const row = rowOf(spread === 'one' ? 'one server' : 'all servers', clients, result, before, after);
      rows.push(row);
      if (options.json !== true) printRow(row);
    }
  }
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ ...surroundings(options, servers.length), rows })}\n`);
  return rows.some((row) => row.errors > 0 || row.operationsPerSecond === 0) ? 1 : 0;
}

function rowOf(target: Row['target'], clients: number, result: LoadResult, before: Spent, after: Spent): Row {
  const { operations, errors, durationMs: tookMs, latency } = result;
  const milliseconds = (nanoseconds: number): number => nanoseconds / 1e6;
  return {
    target,
    clients,
    operationsPerSecond: operations / (tookMs / 1000),
    p50Ms: milliseconds(latency.percentile(50)),
    p99Ms: milliseconds(latency.percentile(99)),
    maxMs: milliseconds(latency.max),
    messagesPerOperation: (after.messages - before.messages) / Math.max(1, operations),
    cpuMsPerOperation: (1000 * (after.cpuSeconds - before.cpuSeconds)) / Math.max(1, operations),
    errors,
  };
}

function surroundings(options: BenchOptions, servers: number): Record<string, unknown> {
  return {
    version: packageVersion(),
    node: process.version,
    processors: cpus().length,
    protocol: 'paxos',
    servers,
    storage:
      options.servers !== undefined ? 'as configured' : options.ephemeral === true ? 'ephemeral' : 'durable',
    valueBytes: options.valueBytes,
    keys: options.keys,
    durationMs: options.duration,
  };
}

function printHeader(options: BenchOptions, servers: number): void {
  const { version, node, processors, protocol, storage } = surroundings(options, servers);
  const what = `synod ${String(version)}, ${String(protocol)}, ${servers} servers, ${String(storage)}, ${options.valueBytes}-byte values`;
  process.stdout.write(
    `${what}, node ${String(node)}, ${String(processors)} processors; puts in a closed loop\n\n`,
  );
  process.stdout.write(
    'target       clients     ops/s   p50 ms   p99 ms   max ms  messages/op  cpu ms/op  errors\n',
  );
}

function printRow(row: Row): void {
  const cells = [
    row.target.padEnd(11),
    String(row.clients).padStart(8),
    row.operationsPerSecond.toFixed(0).padStart(9),
    row.p50Ms.toFixed(2).padStart(8),
    row.p99Ms.toFixed(2).padStart(8),
    row.maxMs.toFixed(1).padStart(8),
    row.messagesPerOperation.toFixed(1).padStart(12),
    row.cpuMsPerOperation.toFixed(2).padStart(10),
    String(row.errors).padStart(7),
  ];
  process.stdout.write(`${cells.join(' ')}\n`);
}
