import type { Row } from '../../bench/measure';
import { ratiosOf } from '../../bench/ratio';
import type { Setup } from '../../bench/system';
import { loadSettings, type BenchOptions } from './options';
import { roundsOf, type Measured } from './session';
import { surroundings, type Surroundings } from './surroundings';
import { headerOf, lineOf, percent, ratioColumns, rowColumns, type Varying } from './table';

/** From here on the generator's own processor time may decide the result. */
const BUSY_PERCENT = 70;

/** Everything about one run, for programs and for the plot. */
export interface Document extends Surroundings, Setup {
  /** Of the fresh cluster's leader; a running cluster does not tell. */
  readonly leaseMs?: number;
  readonly measured: readonly Measured[];
  readonly load: ReturnType<typeof loadSettings> & { readonly rounds: number; readonly warmUpMs: number };
  readonly rows: readonly Row[];
  readonly ratios: ReturnType<typeof ratiosOf>;
}

export function documentOf(
  options: BenchOptions,
  rows: readonly Row[],
  measured: readonly Measured[],
): Document {
  return {
    ...surroundings(),
    ...setupOf(measured),
    ...(options.lease !== undefined && { leaseMs: options.lease }),
    measured,
    load: { ...loadSettings(options), rounds: roundsOf(options), warmUpMs: options.warmUp },
    rows,
    ratios: ratiosOf(rows, 'synod'),
  };
}

/** Of our own cluster, the first of those that are measured side by side. */
function setupOf(measured: readonly Measured[]): Setup {
  return measured[0]?.setup ?? { durability: 'durable' };
}

/** One sentence on what runs. */
export function headline(options: BenchOptions, measured: readonly Measured[]): string {
  const { version, commit, node, machine } = surroundings();
  const others = new Set(
    measured.filter(({ system }) => system !== 'synod').map((other) => `${other.system} ${other.version}`),
  );
  const { protocol, quorums, durability } = setupOf(measured);
  const leased = options.lease === undefined ? '' : `; lease of ${options.lease} ms`;
  const { servers, valueBytes, reads, read, rate, arrivals, pipeline, pipelineBy } = options;
  const sizes = servers.kind === 'running' ? servers.addresses.length : servers.sizes.join(', ');
  const operations = reads === 0 ? 'writes' : `${percent(100 * reads)} ${read} reads`;
  const loop = rate === undefined ? 'closed loop' : `open loop of ${rate}/s (${arrivals})`;
  const inFlight = pipeline === 1 ? '' : `, ${pipeline} in flight per client (${pipelineBy})`;
  return [
    `synod ${version}${commit === null ? '' : ` (${commit})`}, ${protocol ?? ''} (quorums: ${quorums ?? ''}${leased}), ${sizes} servers, ${durability}`,
    ...(others.size === 0 ? [] : [`against ${[...others].join(' and ')}`]),
    `node ${node}, ${machine.processors} processors, data on ${machine.fileSystem}`,
    `${operations} of ${valueBytes} bytes, ${options.distribution} keys, ${loop}${inFlight}`,
  ].join('; ');
}

export function varyingOf(options: BenchOptions): Varying {
  return {
    system: options.against.length > 0,
    servers: options.servers.kind === 'fresh' && options.servers.sizes.length > 1,
    keys: options.keys.length > 1,
    round: roundsOf(options) > 1,
    lateness: options.rate !== undefined,
  };
}

export function rowHeader(options: BenchOptions): string {
  return headerOf(rowColumns(varyingOf(options)));
}

export function rowLine(options: BenchOptions, row: Row): string {
  return lineOf(rowColumns(varyingOf(options)), row);
}

/** What is to be said after the last measurement: the ratios, and what to make of the figures. */
export function closing(options: BenchOptions, rows: readonly Row[]): string[] {
  const columns = ratioColumns(varyingOf(options));
  const ratios = ratiosOf(rows, 'synod');
  return [
    ...(ratios.length === 0
      ? []
      : [
          '',
          'ours : theirs, medians of the rounds',
          headerOf(columns),
          ...ratios.map((each) => lineOf(columns, each)),
        ]),
    ...notes(rows),
  ];
}

function notes(rows: readonly Row[]): string[] {
  const busy = rows.filter((row) => row.generatorCpuPercent >= BUSY_PERCENT);
  const most = Math.max(...busy.map((row) => row.generatorCpuPercent));
  const lastError = rows.findLast((row) => row.lastError !== null)?.lastError;
  return [
    ...(busy.length === 0
      ? []
      : [
          '',
          `The load generator used up to ${percent(most)} of a processor in ${busy.length} of ${rows.length} measurements: there it takes part in the limit.`,
        ]),
    ...(lastError === undefined ? [] : ['', `The last error was: ${lastError}`]),
    ...(surroundings().machine.fileSystem === 'tmpfs'
      ? [
          '',
          'The folder for temporary files lies in memory (tmpfs): nothing here was durable. TMPDIR chooses another.',
        ]
      : []),
  ];
}
