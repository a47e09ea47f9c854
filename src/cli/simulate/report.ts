import type { PlannedRequest, Scenario } from '../../simulation/scenario';
import type { Summary } from '../../simulation/summary';

/** Characters. */
const LINE = 110;

function whole(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}

function table(counts: Readonly<Record<string, number>>): string[] {
  const rows = Object.entries(counts).sort(([, a], [, b]) => b - a);
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, count]) => `  ${name.padEnd(width)}  ${whole(count).padStart(12)}`);
}

export interface Timed {
  readonly summary: Summary;
  readonly wallMs: number;
  readonly jobs: number;
}

/** Per second of the wall's clock, all jobs together. */
export function rates({ summary, wallMs }: Timed): {
  simulatedSecondsPerSecond: number;
  eventsPerSecond: number;
  checkedPerSecond: number;
} {
  const seconds = wallMs / 1000;
  return {
    simulatedSecondsPerSecond: Math.round(summary.simulatedMs / 1000 / seconds),
    eventsPerSecond: Math.round(summary.events / seconds),
    checkedPerSecond: Math.round(summary.checked / seconds),
  };
}

/** What many runs did, for people. */
export function reportOf(timed: Timed): string {
  const { summary, wallMs, jobs } = timed;
  const rate = rates(timed);
  return [
    `${whole(summary.runs)} runs, ${whole(summary.simulatedMs / 1000)} simulated seconds in ${(wallMs / 1000).toFixed(1)} s ` +
      `(${whole(rate.simulatedSecondsPerSecond)} per second, ${jobs === 1 ? '1 job' : `${jobs} jobs`})`,
    `${whole(summary.events)} events (${whole(rate.eventsPerSecond)} per second), ${whole(summary.chosenSlots)} slots chosen`,
    `${whole(summary.operations)} client operations, ${whole(summary.succeeded)} succeeded, ` +
      `${whole(summary.checked)} checked (${whole(rate.checkedPerSecond)} per second)`,
    '',
    'Faults injected:',
    ...table(summary.injected),
    '',
    'Load:',
    ...table(summary.loads),
    '',
    'At most:',
    ...table(summary.peaks),
    '',
    'Branches of the protocol reached:',
    ...table(summary.branches),
    '',
    'State, and what restarts recover of it:',
    ...table(summary.state),
  ].join('\n');
}

/** All that a run drew, for people: times are rounded to tenths of a millisecond. */
export function scenarioText(scenario: Scenario): string {
  const { clients, faults, network, variation, ...rest } = scenario;
  const lines = [
    ...Object.entries({ ...rest, ...variation, ...network }).map(
      ([name, value]) => `  ${name}: ${plainly(value)}`,
    ),
    ...clients.flatMap(({ requests, ...client }, index) => [
      `  client ${index}: ${plainly(client)}`,
      `    ${requests.length === 1 ? '1 request' : `${requests.length} requests`}, each so many ms after the one before:`,
      ...wrapped(requests.map(requestText), '      '),
    ]),
    ...faults.map(({ atMs, kind, ...fault }) => `  at ${Math.round(atMs)} ms: ${kind} ${plainly(fault)}`),
  ];
  return [`seed ${scenario.seed} draws`, ...lines].join('\n');
}

function plainly(value: unknown): string {
  return JSON.stringify(value, (name, inner: unknown) =>
    typeof inner === 'number' && name.endsWith('Ms') ? tenths(inner) : inner,
  );
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** Every field of it; `+12.3 put hot`, `+0.5 get k/1 linearizable`. */
function requestText({ afterMs, op, ...fields }: PlannedRequest): string {
  const words = Object.entries(fields).map(([name, value]) => {
    if (name === 'key' || name === 'read') return String(value);
    return `${name}=${String(value)}`;
  });
  return [`+${tenths(afterMs)}`, op, ...words].join(' ');
}

/** Lines of such items, each as long as fits. */
function wrapped(items: readonly string[], indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const item of items) {
    const longer = line === '' ? item : `${line}; ${item}`;
    if (longer.length > LINE && line !== '') {
      lines.push(`${indent}${line};`);
      line = item;
    } else line = longer;
  }
  return line === '' ? lines : [...lines, `${indent}${line}`];
}
