import type { Case, Row } from '../../bench/measure';
import type { Medians, Ratio } from '../../bench/ratio';

/** One column of a table that is printed line by line, so its width is fixed beforehand. */
export interface Column<T> {
  readonly title: string;
  readonly width: number;
  readonly text: (row: T) => string;
}

/** Which of the columns that say what was measured are worth their space. */
export interface Varying {
  readonly system: boolean;
  readonly servers: boolean;
  readonly keys: boolean;
  readonly round: boolean;
  readonly lateness: boolean;
}

export function headerOf<T>(columns: readonly Column<T>[]): string {
  return columns.map(({ title, width }) => title.padStart(width)).join('  ');
}

export function lineOf<T>(columns: readonly Column<T>[], row: T): string {
  return columns.map(({ width, text }) => text(row).padStart(width)).join('  ');
}

export function rowColumns(varying: Varying): Column<Row>[] {
  return [
    ...(varying.system ? [column<Row>('system', 9, (row) => row.system)] : []),
    ...caseColumns<Row>(varying),
    ...(varying.round ? [column<Row>('round', 5, (row) => String(row.round))] : []),
    column('ops/s', 8, (row) => row.operationsPerSecond.toFixed(0)),
    column('p50 ms', 7, (row) => figure(row.p50Ms)),
    column('p90 ms', 7, (row) => figure(row.p90Ms)),
    column('p99 ms', 7, (row) => figure(row.p99Ms)),
    column('max ms', 7, (row) => figure(row.maxMs)),
    column('msgs/op', 7, (row) => figure(row.peerMessagesPerOperation)),
    column('bytes/op', 8, (row) => row.peerBytesPerOperation?.toFixed(0) ?? '-'),
    column('cpu ms/op', 9, (row) => figure(row.serverCpuMsPerOperation)),
    column('memory MB', 9, (row) => megabytes(row.serverMemoryBytes)),
    ...(varying.lateness ? [column<Row>('late ms', 7, (row) => figure(row.generatorLatenessMs))] : []),
    column('gen cpu', 7, (row) => percent(row.generatorCpuPercent)),
    column('errors', 6, (row) => String(row.errors)),
  ];
}

export function ratioColumns(varying: Varying): Column<Ratio>[] {
  const pair = (text: (figures: Medians) => string) => (ratio: Ratio) =>
    `${text(ratio.ours)} : ${text(ratio.theirs)}`;
  return [
    column('against', 9, (ratio) => ratio.against),
    ...caseColumns<Ratio>(varying),
    column(
      'ops/s',
      15,
      pair((figures) => figures.operationsPerSecond.toFixed(0)),
    ),
    column('ratio', 7, (ratio) => `${ratio.throughput.toFixed(2)}x`),
    column('of rounds', 13, ({ lowest, highest }) => `${lowest.toFixed(2)}..${highest.toFixed(2)}`),
    column(
      'p50 ms',
      15,
      pair((figures) => figure(figures.p50Ms)),
    ),
    column('ratio', 7, (ratio) => `${ratio.p50.toFixed(2)}x`),
    column(
      'p99 ms',
      15,
      pair((figures) => figure(figures.p99Ms)),
    ),
    column(
      'gen cpu',
      13,
      pair((figures) => percent(figures.generatorCpuPercent)),
    ),
  ];
}

function caseColumns<T extends Case>(varying: Varying): Column<T>[] {
  return [
    ...(varying.servers ? [column<T>('servers', 7, (row) => String(row.servers))] : []),
    ...(varying.keys ? [column<T>('keys', 8, (row) => String(row.keys))] : []),
    column('target', 6, (row) => row.target),
    column('clients', 7, (row) => String(row.clients)),
  ];
}

function column<T>(title: string, width: number, text: (row: T) => string): Column<T> {
  return { title, width, text };
}

/** Three significant digits at most, which is all that these figures are worth. */
function figure(value: number | null): string {
  if (value === null) return '-';
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

function megabytes(bytes: number | null): string {
  return bytes === null ? '-' : (bytes / 1e6).toFixed(0);
}

export function percent(value: number): string {
  return `${value.toFixed(0)}%`;
}
