import type { Scenario } from '../../simulation/scenario';
import type { Summary } from '../../simulation/summary';

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
    'Branches of the protocol reached:',
    ...table(summary.branches),
  ].join('\n');
}

/** All that a run drew, for people. */
export function scenarioText(scenario: Scenario): string {
  const { clients, faults, network, ...rest } = scenario;
  const lines = [
    ...Object.entries({ ...rest, ...network }).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`),
    ...clients.map(
      ({ requests, ...client }, index) =>
        `  client ${index}: ${requests.length} requests (${requests.map(({ op }) => op).join(' ')}), ${JSON.stringify(client)}`,
    ),
    ...faults.map(
      ({ atMs, kind, ...fault }) => `  at ${Math.round(atMs)} ms: ${kind} ${JSON.stringify(fault)}`,
    ),
  ];
  return [`seed ${scenario.seed} draws`, ...lines].join('\n');
}
