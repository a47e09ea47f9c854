import type { Row } from '../../bench/measure';
import { median } from '../../bench/ratio';
import type { Document } from './report';
import { CHART, chartGroup, escapeText, legendGroup, type Chart, type Series } from './svg';

const STYLE = `text{font:11px system-ui,sans-serif;fill:#222}.title{font-weight:600;font-size:13px}.grid{stroke:#ddd}`;
const HEAD_PIXELS = 30;
const LEGEND_LINE_PIXELS = 18;

/** What the x axis counts: that of clients, servers and keys of which there is more than one. */
type Axis = 'clients' | 'servers' | 'keys';

/** A picture of a run, complete in itself: SVG, or an HTML page with it and the figures when `file` ends so. */
export function plotOf(document: Document, headline: string, file: string): string {
  const picture = svgOf(document, headline);
  return /\.html$/i.test(file) ? pageOf(document, headline, picture) : `${picture}\n`;
}

function svgOf({ rows }: Document, headline: string): string {
  const axis = axisOf(rows);
  const groups = groupsOf(rows, axis);
  const overAxis = (title: string, figure: (row: Row) => number): Chart => ({
    title,
    xTitle: axis,
    isLogarithmic: true,
    series: [...groups].map(([name, group]) => ({ name, points: medians(group, axis, figure) })),
  });
  const charts = [
    overAxis('operations per second', (row) => row.operationsPerSecond),
    overAxis('p50 latency, ms', (row) => row.p50Ms),
    overAxis('p99 latency, ms', (row) => row.p99Ms),
    {
      title: `operations per second over time, most ${axis}`,
      xTitle: 'seconds',
      isLogarithmic: false,
      series: [...groups].map(([name, group]) => overTime(name, group, axis)),
    },
  ];
  const height = HEAD_PIXELS + 2 * CHART.height + LEGEND_LINE_PIXELS * (groups.size + 1);
  const width = 2 * CHART.width;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title>${escapeText(headline)}</title><style>${STYLE}</style>`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="10" y="18">${escapeText(headline)}</text>`,
    ...charts.map((chart, index) =>
      chartGroup(chart, (index % 2) * CHART.width, HEAD_PIXELS + Math.floor(index / 2) * CHART.height),
    ),
    legendGroup([...groups.keys()], 64, HEAD_PIXELS + 2 * CHART.height + 4),
    '</svg>',
  ].join('\n');
}

function axisOf(rows: readonly Row[]): Axis {
  const axes: readonly Axis[] = ['clients', 'servers', 'keys'];
  return axes.find((axis) => new Set(rows.map((row) => row[axis])).size > 1) ?? 'clients';
}

/** Rows that differ in the axis and the round only, under a name for what they have in common. */
function groupsOf(rows: readonly Row[], axis: Axis): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  const others = (['servers', 'keys', 'clients'] as const).filter((each) => each !== axis);
  for (const row of rows) {
    const name = [row.system, row.target, ...others.map((each) => `${row[each]} ${each}`)].join(', ');
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return groups;
}

function medians(rows: readonly Row[], axis: Axis, figure: (row: Row) => number): Series['points'] {
  const places = [...new Set(rows.map((row) => row[axis]))].sort((a, b) => a - b);
  return places.map((place) => [place, median(rows.filter((row) => row[axis] === place).map(figure))]);
}

/** The last round of the largest case. */
function overTime(name: string, rows: readonly Row[], axis: Axis): Series {
  const most = Math.max(...rows.map((row) => row[axis]));
  const throughput = rows.findLast((row) => row[axis] === most)?.throughput ?? [];
  return { name, points: throughput.map((each) => [each.atMs / 1000, each.operationsPerSecond]) };
}

function pageOf(document: Document, headline: string, picture: string): string {
  const columns = ['system', 'servers', 'keys', 'target', 'clients', 'round', 'operationsPerSecond'] as const;
  const latencies = ['p50Ms', 'p90Ms', 'p99Ms', 'maxMs', 'generatorCpuPercent', 'errors'] as const;
  const all = [...columns, ...latencies];
  const cell = (value: string | number): string =>
    `<td>${typeof value === 'number' ? String(Math.round(value * 100) / 100) : escapeText(value)}</td>`;
  const figures = document.rows.map((row) => `<tr>${all.map((name) => cell(row[name])).join('')}</tr>`);
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Synod: a measurement</title>',
    '<style>body{font:14px system-ui,sans-serif;margin:1rem}td,th{padding:.15rem .6rem;text-align:right}svg{max-width:100%;height:auto}</style>',
    `<h1>A measurement</h1><p>${escapeText(headline)}</p>`,
    picture,
    `<table><tr>${all.map((name) => `<th>${name}</th>`).join('')}</tr>`,
    ...figures,
    '</table></html>\n',
  ].join('\n');
}
