/** A minimum of SVG: line charts with axes. Coordinates are pixels. */

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly xTitle: string;
  /** Logarithmic, to base 2, for counts that double. */
  readonly isLogarithmic: boolean;
  readonly series: readonly Series[];
}

export const CHART = { width: 560, height: 300 } as const;
const PLOT = { left: 64, top: 34, right: 16, bottom: 42 } as const;
/** Okabe and Ito's colours, which people with colour blindness can tell apart. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#999999'];

export function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Round numbers from 0 to at least `highest`, four to ten of them. */
export function ticks(highest: number): number[] {
  if (!(highest > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(highest));
  const step = [0.2, 0.5, 1, 2].map((factor) => factor * power).find((each) => highest / each <= 6) ?? power;
  const count = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** One chart as a group at this place. */
export function chartGroup(chart: Chart, x: number, y: number): string {
  const points = chart.series.flatMap((series) => series.points);
  const xValues = [...new Set(points.map(([value]) => value))].sort((a, b) => a - b);
  const yTicks = ticks(Math.max(0, ...points.map(([, value]) => value)));
  const scale = (value: number): number => (chart.isLogarithmic ? Math.log2(value) : value);
  const [low, high] = [scale(xValues[0] ?? 0), scale(xValues.at(-1) ?? 1)];
  const width = CHART.width - PLOT.left - PLOT.right;
  const height = CHART.height - PLOT.top - PLOT.bottom;
  const atX = (value: number): number =>
    PLOT.left + (high === low ? width / 2 : (width * (scale(value) - low)) / (high - low));
  const atY = (value: number): number => PLOT.top + height * (1 - value / (yTicks.at(-1) ?? 1));
  const xLabels = chart.isLogarithmic ? xValues : ticks(high).filter((tick) => tick >= low && tick <= high);
  return [
    `<g transform="translate(${x} ${y})">`,
    text(PLOT.left, 16, chart.title, 'class="title"'),
    ...yTicks.flatMap((tick) => [
      `<line class="grid" x1="${PLOT.left}" x2="${CHART.width - PLOT.right}" y1="${at(atY(tick))}" y2="${at(atY(tick))}"/>`,
      text(PLOT.left - 6, atY(tick) + 4, tick.toLocaleString('en'), 'text-anchor="end"'),
    ]),
    ...xLabels.map((value) =>
      text(atX(value), CHART.height - 24, value.toLocaleString('en'), 'text-anchor="middle"'),
    ),
    text(PLOT.left + width / 2, CHART.height - 6, chart.xTitle, 'text-anchor="middle"'),
    ...chart.series.map((series, index) => line(series, colour(index), atX, atY)),
    '</g>',
  ].join('\n');
}

/** Which colour means what, one entry below the other. */
export function legendGroup(names: readonly string[], x: number, y: number): string {
  const entries = names.flatMap((name, index) => [
    `<rect x="0" y="${index * 18}" width="12" height="12" fill="${colour(index)}"/>`,
    text(18, index * 18 + 10, name, ''),
  ]);
  return [`<g transform="translate(${x} ${y})">`, ...entries, '</g>'].join('\n');
}

function line(
  { name, points }: Series,
  stroke: string,
  atX: (value: number) => number,
  atY: (value: number) => number,
): string {
  const places = points.map(([x, y]) => [at(atX(x)), at(atY(y))] as const);
  const dots = places.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="2.5" fill="${stroke}"/>`).join('');
  const path = places.map(([x, y]) => `${x},${y}`).join(' ');
  return `<g><title>${escapeText(name)}</title><polyline fill="none" stroke="${stroke}" stroke-width="1.6" points="${path}"/>${dots}</g>`;
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${at(x)}" y="${at(y)}" ${attributes}>${escapeText(content)}</text>`;
}

function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? 'black';
}
