import { describe, showHeld, showKey } from './describe';
import type { KeyOperation } from './partition';
import { omittedText, type ViolatedWindow, type Violation } from './violation';

/** Nobody reads more rows of one kind on a terminal; the page has them all. */
const MOST_ROWS = 30;

/** A violation for a terminal, line by line. */
export function violationText({ anomaly, window }: Violation): string[] {
  return [`${anomaly.name}: ${anomaly.text}`, ...(window === undefined ? [] : windowText(window))];
}

function windowText(window: ViolatedWindow): string[] {
  const { order, unplaced, operations } = window;
  const taken = new Set(order.map(({ operation }) => operation.id));
  const unused = operations.filter(({ id, outcome }) => outcome !== 'ok' && !taken.has(id));
  const rows = [
    ...some(
      order.map(({ operation, after }, index) => row(`${index + 1}`, operation, `now ${showHeld(after)}`)),
      'from end',
    ),
    ...some(unplaced.map(({ operation, reason }) => row('!', operation, reason))),
    ...some(unused.map((operation) => row('?', operation, 'need not have happened'))),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return [
    '',
    `The longest order that fits, on the key ${showKey(window.key)}, which held ${showHeld(window.start)}:`,
    ...rows.map((cells) =>
      `  ${cells.map((cell, column) => cell[column === 0 ? 'padStart' : 'padEnd'](widths[column] ?? 0)).join('  ')}`.trimEnd(),
    ),
    ...[omittedText(window)].filter((line) => line !== ''),
  ];
}

/** The rows that matter most: of an order the last ones. */
function some(rows: string[][], which: 'from begin' | 'from end' = 'from begin'): string[][] {
  if (rows.length <= MOST_ROWS) return rows;
  const more = ['…', '', `${rows.length - MOST_ROWS} more`, ''];
  return which === 'from end' ? [more, ...rows.slice(-MOST_ROWS)] : [...rows.slice(0, MOST_ROWS), more];
}

function row(mark: string, operation: KeyOperation, remark: string): string[] {
  return [mark, operation.client, describe(operation), remark];
}
