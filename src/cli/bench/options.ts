import { InvalidArgumentError, type Command } from 'commander';
import type { ArrivalKind } from '../../bench/arrivals';
import type { LoadSettings, Target } from '../../bench/measure';
import type { ReadLevel } from '../../bench/system';
import type { Distribution } from '../../bench/workload';
import type { Address } from '../../network/address';
import { addresses, durationMs, option, probability, program, UsageError, wholeNumber } from '../options';
import { whyNoLease, whyNoQuorums } from '../../server/configuration';
import { addProtocolOptions, type ProtocolOptions } from '../server-options';

const TARGETS: readonly Target[] = ['leader', 'one', 'all'];
const OTHERS = ['etcd', 'zookeeper'] as const;
export type OtherName = (typeof OTHERS)[number];

/** As Commander parses them. Times in milliseconds. */
export interface BenchOptions extends ProtocolOptions {
  readonly servers: ClusterSizes | RunningCluster;
  readonly clients: readonly number[];
  readonly target: readonly Target[];
  readonly duration: number;
  readonly warmUp: number;
  readonly rounds?: number;
  readonly rate?: number;
  readonly arrivals: ArrivalKind;
  readonly valueBytes: number;
  readonly keys: readonly number[];
  readonly distribution: Distribution;
  readonly reads: number;
  readonly read: ReadLevel;
  readonly pipeline: number;
  readonly pipelineBy: LoadSettings['pipelineBy'];
  readonly against: readonly OtherName[];
  readonly ephemeral?: true;
  readonly json?: true;
  readonly plot?: string;
}

interface ClusterSizes {
  readonly kind: 'fresh';
  readonly sizes: readonly number[];
}

interface RunningCluster {
  readonly kind: 'running';
  readonly addresses: readonly Address[];
}

function list(minimum: number, maximum: number): (text: string) => number[] {
  return (text) => text.split(',').map(wholeNumber(minimum, maximum));
}

function oneOf<T extends string>(choices: readonly T[]): (text: string) => T[] {
  return (text) =>
    text.split(',').map((part) => {
      const found = choices.find((choice) => choice === part);
      if (found === undefined) throw new InvalidArgumentError(`Allowed are ${choices.join(', ')}.`);
      return found;
    });
}

function servers(text: string): BenchOptions['servers'] {
  return /^[\d,]+$/.test(text)
    ? { kind: 'fresh', sizes: list(1, 99)(text) }
    : { kind: 'running', addresses: addresses(text) };
}

export function plotFile(text: string): string {
  if (/\.(svg|html)$/i.test(text)) return text;
  throw new InvalidArgumentError('The name of the plot must end in .svg or .html.');
}

export function benchCommand(): Command {
  const command = program(
    'bench',
    'Measures how fast a cluster is: a fresh one of this machine, or a running one; alone or against others.',
    [
      ['bench', '1, 16 and 64 clients that write, at the leader and spread over five servers'],
      ['bench --against etcd --clients 1,16,64,256 --target leader', 'ours and etcd in turn, with ratios'],
      ['bench --rate 2000 --clients 64 --duration 20s', 'open loop: 2000 operations arrive each second'],
      ['bench --reads 0.9 --read linearizable --distribution zipf', 'mostly reads, of popular keys'],
      ['bench --servers 3,5,7,9 --clients 64 --plot sizes.html', 'what more servers cost, as a picture'],
      ['bench --servers 127.0.0.1:15000,127.0.0.1:15001 --json', 'a running cluster, for programs'],
    ],
  );
  addClusterOptions(command);
  addLoadOptions(command);
  return command
    .addOption(option('--json', 'one JSON document with everything that was measured, and where'))
    .addOption(option('--plot <file>', 'write a plot, .svg or .html').argParser(plotFile));
}

function addClusterOptions(command: Command): void {
  addProtocolOptions(command)
    .addOption(
      option('--servers <list>', 'sizes of fresh clusters, or the addresses of a running one')
        .argParser(servers)
        .default(servers('5'), '5'),
    )
    .addOption(option('--ephemeral', 'the fresh cluster writes nothing to disk'))
    .addOption(
      option('--against <systems>', 'start these too and measure them in turn: etcd, zookeeper')
        .argParser(oneOf(OTHERS))
        .default([], 'nobody'),
    );
}

function addLoadOptions(command: Command): void {
  command
    .addOption(
      option('--clients <list>', 'how many at a time')
        .argParser(list(1, 4096))
        .default([1, 16, 64], '1,16,64'),
    )
    .addOption(
      option('--target <list>', 'where they go: leader, one (the first server), all (spread)')
        .argParser(oneOf(TARGETS))
        .default(['leader', 'all'], 'leader,all'),
    )
    .addOption(option('--duration <time>', 'of each measurement').argParser(durationMs).default(3000, '3s'))
    .addOption(
      option('--warm-up <time>', 'of each cluster before the first')
        .argParser(durationMs)
        .default(10_000, '10s'),
    )
    .addOption(
      option('--rounds <count>', 'how often each is measured (default: 1; with --against 3)').argParser(
        wholeNumber(1, 1000),
      ),
    )
    .addOption(
      option(
        '--rate <per second>',
        'open loop: operations arrive at this rate, whatever becomes of them',
      ).argParser(wholeNumber(1, 10_000_000)),
    )
    .addOption(
      option('--arrivals <kind>', 'of the open loop').choices(['poisson', 'constant']).default('poisson'),
    )
    .addOption(
      option('--value-bytes <bytes>', 'size of each value').argParser(wholeNumber(0, 1_000_000)).default(64),
    )
    .addOption(
      option('--keys <list>', 'how many keys; they are made before')
        .argParser(list(1, 10_000_000))
        .default([10_000], '10000'),
    )
    .addOption(
      option('--distribution <kind>', 'of the keys; hot: a single one')
        .choices(['uniform', 'zipf', 'hot'])
        .default('uniform'),
    )
    .addOption(option('--reads <share>', 'share of reads, 0 to 1').argParser(probability).default(0))
    .addOption(
      option('--read <level>', 'what a read promises').choices(['local', 'linearizable']).default('local'),
    )
    .addOption(
      option('--pipeline <count>', 'operations that each client has in flight')
        .argParser(wholeNumber(1, 1000))
        .default(1),
    )
    .addOption(
      option('--pipeline-by <way>', 'one request with all of them, or a request for each')
        .choices(['batch', 'requests'])
        .default('batch'),
    );
}

/** Throws UsageError when the options do not go together. */
export function checkTogether(options: BenchOptions): void {
  const isRunning = options.servers.kind === 'running';
  if (options.ephemeral === true && options.against.length > 0)
    throw new UsageError('the others write to disk: --ephemeral and --against do not go together');
  if (options.ephemeral === true && isRunning)
    throw new UsageError('--ephemeral is for fresh clusters, not for a running one');
  const { quorums, thrifty, lease } = options;
  if (isRunning && (quorums !== 'majority' || thrifty === true || lease !== undefined))
    throw new UsageError('--quorums, --thrifty and --lease are for fresh clusters, not for a running one');
  const sizes = options.servers.kind === 'fresh' ? options.servers.sizes : [];
  for (const size of sizes) {
    const problem = whyNoQuorums(options.quorums, size) ?? whyNoLease(options.protocol, options.lease);
    if (problem !== undefined) throw new UsageError(problem);
  }
}

export function loadSettings(options: BenchOptions): LoadSettings {
  const { duration, valueBytes, reads, read, distribution, pipeline, pipelineBy, rate } = options;
  const arrivals = rate === undefined ? undefined : { kind: options.arrivals, operationsPerSecond: rate };
  return { durationMs: duration, valueBytes, reads, read, distribution, pipeline, pipelineBy, arrivals };
}
