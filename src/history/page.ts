import { isLocal } from './candidates';
import { describe, showHeld, showKey, showText } from './describe';
import { SCRIPT, STYLE } from './page-style';
import type { KeyOperation } from './partition';
import { omittedText, type Placed, type ViolatedWindow, type Violation } from './violation';

/**
 * One self-contained page that shows a violation: a lane for each client, a bar for each operation, the points of the
 * longest order that fits, and what has no place in it. `source` names the history, for people.
 */
export function renderPage({ anomaly, window }: Violation, source: string): string {
  const title = `${anomaly.name} in ${source}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${window?.relaxLocalReads === true ? 'Not sequential per server' : 'Not linearizable'}: <span>${escape(anomaly.name)}</span></h1>
<p class="soft">${escape(source)}</p>
<p>${escape(anomaly.text)}</p>
${window === undefined ? '' : windowHtml(window)}
</main>
${window === undefined ? '' : `<script>${SCRIPT}</script>`}
</body>
</html>
`;
}

function windowHtml(window: ViolatedWindow): string {
  return `<h2>The smallest part found that no order explains</h2>
<p class="soft">Key ${escape(showKey(window.key))}. Time runs from left to right; only the order of begins and ends is drawn, not how
long they took. A number marks where an operation took effect in the longest order that fits. Red: no place in that
order. Open to the right: nobody knows whether and when it took effect. ${escape(omittedText(window))}</p>
${chart(window)}
<p class="details soft" aria-live="polite">Point at an operation, or go through them with Tab and the arrow keys.</p>
<h2>The longest order that fits</h2>
${table(window)}`;
}

function chart(window: ViolatedWindow): string {
  const axis = new Axis(window);
  const rows = rowsOf(window, axis);
  const longestName = Math.max(...rows.map(([first]) => first?.client.length ?? 0));
  const namesPx = Math.min(180, Math.max(124, 24 + 8 * longestName));
  const lanes = rows.map((operations) =>
    lane(
      operations[0]?.client ?? '',
      operations.map((each) => bar(each, window, axis)).join('') + points(operations, window, axis),
    ),
  );
  return `<div class="scroll"><div class="chart" style="--names:${namesPx}px;--columns:${axis.columns};--column:96px">
${lane('the key holds', states(window, axis))}
${lanes.join('\n')}
</div></div>`;
}

/** A row for each client, more where its operations overlap; first those that take part. */
function rowsOf(window: ViolatedWindow, axis: Axis): KeyOperation[][] {
  const rows: KeyOperation[][] = [];
  for (const operation of window.operations) {
    const free = rows.find((row) => {
      const last = row.at(-1);
      return last?.client === operation.client && axis.extent(last)[1] <= axis.extent(operation)[0];
    });
    if (free === undefined) rows.push([operation]);
    else free.push(operation);
  }
  const isIdle = (row: readonly KeyOperation[]): boolean =>
    row.every((each) => each.outcome !== 'ok' && !window.order.some(({ operation }) => operation === each));
  return [...rows.filter((row) => !isIdle(row)), ...rows.filter(isIdle)];
}

function lane(name: string, content: string): string {
  return `<div class="lane"><div class="name" title="${escape(name)}"><span>${escape(name)}</span></div><div class="track">${content}</div></div>`;
}

function bar(operation: KeyOperation, window: ViolatedWindow, axis: Axis): string {
  const [left, right] = axis.extent(operation);
  const remark = remarkOn(operation, window);
  const details = `${describe(operation)}, by ${operation.client}${answeredBy(operation)}${times(operation)}: ${remark}`;
  return `<button class="operation ${kindOf(operation, window)}" data-id="${operation.id}" title="${escape(details)}" style="${place(left, right)}"><span>${escape(shortLabel(operation))}</span></button>`;
}

function points(operations: readonly KeyOperation[], window: ViolatedWindow, axis: Axis): string {
  return window.order
    .map(({ operation }, index) =>
      operations.includes(operation)
        ? `<span class="point ${kindOf(operation, window)}" style="left:${percent(axis.point(index))}">${index + 1}</span>`
        : '',
    )
    .join('');
}

function states({ start, order }: ViolatedWindow, axis: Axis): string {
  const changes = [{ held: start, from: 0 }];
  for (const [index, { after }] of order.entries())
    if (after !== changes.at(-1)?.held) changes.push({ held: after, from: axis.point(index) });
  return changes
    .map(({ held, from }, index) => {
      const shown = escape(showHeld(held));
      return `<span class="state" title="${shown}" style="${place(from, changes[index + 1]?.from ?? 1)}"><span>${shown}</span></span>`;
    })
    .join('');
}

function table(window: ViolatedWindow): string {
  const { start, order, unplaced, operations } = window;
  const taken = new Set([...order, ...unplaced].map(({ operation }) => operation.id));
  const line = (mark: string, operation: KeyOperation, remark: string): string =>
    `<tr class="${kindOf(operation, window)}" data-id="${operation.id}"><td>${mark}</td><td>${escape(operation.client)}</td><td class="what">${escape(describe(operation))}</td><td>${escape(remark)}</td></tr>`;
  return `<table><thead><tr><th>#</th><th>client</th><th>operation</th><th>the key holds</th></tr></thead><tbody>
<tr><td></td><td></td><td class="soft">before</td><td>${escape(showHeld(start))}</td></tr>
${order.map(({ operation, after }, index) => line(`${index + 1}`, operation, showHeld(after))).join('\n')}
${unplaced.map(({ operation, reason }) => line('✗', operation, reason)).join('\n')}
${operations
  .filter(({ id }) => !taken.has(id))
  .map((operation) => line('', operation, remarkOn(operation, window)))
  .join('\n')}
</tbody></table>`;
}

function kindOf({ id, outcome }: KeyOperation, { unplaced }: ViolatedWindow): string {
  if (outcome !== 'ok') return 'open';
  return unplaced.some(({ operation }) => operation.id === id) ? 'bad' : 'done';
}

function remarkOn(operation: KeyOperation, { order, unplaced }: ViolatedWindow): string {
  const isIt = (each: { readonly operation: KeyOperation }): boolean => each.operation.id === operation.id;
  const index = order.findIndex(isIt);
  if (index >= 0) return `number ${index + 1}, then the key holds ${showHeld(order[index]?.after)}`;
  return unplaced.find(isIt)?.reason ?? 'it need not have happened';
}

function shortLabel({ request, response, outcome }: KeyOperation): string {
  const held = (value: string | null | undefined): string =>
    value === null ? 'absent' : showText(value ?? '?');
  switch (request.op) {
    case 'get':
      return `get → ${outcome === 'ok' ? held(response?.value) : '?'}`;
    case 'put':
      return `put ${showText(request.value)}`;
    case 'delete':
      return 'delete';
    case 'compareAndSet': {
      const failed = outcome === 'ok' && response?.swapped === false ? ' ≠' : '';
      return `cas ${held(request.expect)}→${held(request.value)}${failed}`;
    }
  }
}

function answeredBy({ server }: KeyOperation): string {
  return server === undefined ? '' : `, answered by ${server}`;
}

function times({ invokedMs, endedMs }: KeyOperation): string {
  if (invokedMs === undefined) return '';
  const show = (ms: number): string => String(Number(ms.toFixed(3)));
  return endedMs === undefined
    ? `, from ${show(invokedMs)} ms on`
    : `, ${show(invokedMs)} to ${show(endedMs)} ms`;
}

/** Places on a line from 0 to 1: begins and ends stand apart evenly, and the points of one gap share it. */
class Axis {
  readonly columns: number;
  readonly #ranks = new Map<number, number>();
  readonly #points: readonly number[];

  constructor({ operations, order, relaxLocalReads }: ViolatedWindow) {
    // What began before all that was answered begins at the left edge.
    const begin = Math.min(
      ...operations.filter(({ outcome }) => outcome === 'ok').map(({ invoked }) => invoked),
    );
    const positions = operations
      .flatMap(({ invoked, ended }) => [invoked, ended])
      .filter((position) => position >= begin && Number.isFinite(position));
    for (const position of positions.sort((a, b) => a - b)) this.#ranks.set(position, this.#ranks.size + 1);
    this.columns = this.#ranks.size + 1;
    this.#points = this.#spread(order, relaxLocalReads);
  }

  extent({ invoked, ended }: KeyOperation): [left: number, right: number] {
    return [
      this.#rank(invoked) / this.columns,
      Number.isFinite(ended) ? this.#rank(ended) / this.columns : 1,
    ];
  }

  point(index: number): number {
    return (this.#points[index] ?? 0) / this.columns;
  }

  #rank(position: number): number {
    return this.#ranks.get(position) ?? 0;
  }

  /** Each as early as it may be: behind the begins of all operations up to it in the order. */
  #spread(order: readonly Placed[], relaxLocalReads: boolean): number[] {
    let latest = 0;
    const gaps = order.map(({ operation }) => {
      const isRelaxed = relaxLocalReads && isLocal(operation);
      return (latest = isRelaxed ? latest : Math.max(latest, this.#rank(operation.invoked)));
    });
    return gaps.map((gap, index) => {
      const first = gaps.indexOf(gap);
      const count = gaps.lastIndexOf(gap) - first + 1;
      return gap + (index - first + 1) / (count + 1);
    });
  }
}

function place(left: number, right: number): string {
  return `left:${percent(left)};width:${percent(right - left)}`;
}

function percent(part: number): string {
  return `${Number((part * 100).toFixed(3))}%`;
}

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character);
}
