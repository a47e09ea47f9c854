import { FINDS, type Find } from '../../simulation/search/finds';
import type { SearchReport } from '../../simulation/search/search';

export function count(number: number): string {
  return number.toLocaleString('en');
}

/** For people. With an exhibit in, a search that finds nothing has failed. */
export function formatReport(report: SearchReport, durationMs: number, exhibit?: string): string[] {
  const { options, schedules, redundant, choices, deepest, chosen, outcomes, counterexample } = report;
  const seconds = durationMs / 1000;
  const { strategy, acceptors, proposers, seed } = options;
  const isSeeded = strategy !== 'systematic';
  return [
    `${strategy} search${isSeeded ? `, seed ${seed}` : ''}: proposers ${proposers}, acceptors ${acceptors}, one slot`,
    `schedules  ${count(schedules)}${extent(report)}`,
    ...(redundant > 0 ? [`cut short  ${count(redundant)} runs whose rest was explored elsewhere`] : []),
    `choices    ${count(choices)}, ${deepest} in the longest run`,
    `chosen     a value in ${count(chosen)} schedules`,
    ...Object.entries(outcomes)
      .sort(([, a], [, b]) => b - a)
      .map(([outcome, times]) => `outcome    ${outcome}: ${count(times)}`),
    `time       ${seconds.toFixed(1)} s, ${count(Math.round(schedules / seconds))} schedules per second`,
    ...(counterexample === undefined
      ? [report.verdict === 'clean' ? cleanVerdict(exhibit) : 'NOTHING WAS EVER CHOSEN: nothing was tested']
      : [
          `RULE BROKEN: ${counterexample.violation}`,
          `by these ${counterexample.schedule.length} choices, of ${counterexample.foundChoices} when it was found:`,
          ...numbered(counterexample.schedule),
        ]),
  ];
}

function cleanVerdict(exhibit: string | undefined): string {
  if (exhibit === undefined) return 'no rule was broken';
  const known = findOf(exhibit);
  const hint =
    known === undefined
      ? `another search may find it, and "simulate museum ${exhibit}" shows whether seeds do`
      : `"simulate search --exhibit ${exhibit} ${flagsOf(known)}" is known to find it`;
  return `EXHIBIT ${exhibit} WAS NOT FOUND: within this bound it breaks no rule; ${hint}`;
}

/** The options known to find the exhibit, if any are. */
export function findOf(id: string): Find['options'] | undefined {
  return FINDS.find((find) => find.id === id)?.options;
}

/** As on a command line. */
export function flagsOf(options: Find['options']): string {
  return Object.entries(options)
    .map(([name, value]) => (value === true ? `--${name}` : `--${name} ${value ?? 'any'}`))
    .join(' ');
}

/** For each exhibit that a search is known to find, one line: what finds it. */
export function knownFinds(): string {
  return FINDS.filter(({ id, options }) => findOf(id) === options)
    .map(({ id, options }) => `  ${id.padEnd(6)} ${flagsOf(options)}`)
    .join('\n');
}

function extent({ options, isExhausted, verdict }: SearchReport): string {
  if (verdict === 'violation') return '';
  if (!isExhausted) return ', where the search was ended: there are more';
  const { deviations } = options;
  return deviations === null
    ? ', which is all'
    : `, which is all with at most ${deviations} choices out of order`;
}

/** The choices of a schedule. */
export function numbered(schedule: readonly string[]): string[] {
  return schedule.map((line, index) => `${String(index + 1).padStart(4)}  ${line}`);
}
