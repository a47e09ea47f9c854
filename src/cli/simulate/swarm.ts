import { writeFileSync } from 'node:fs';
import { formatEvent, formatHeader } from '../../history/json-lines';
import { addRun, NO_RUNS, type RunFigures, type Summary } from '../../simulation/summary';
import { UsageError } from '../options';
import { explain, wishText, type Explained, type Explaining } from './explain';
import { codeOf } from './job';
import { runSeeds, type Seeds } from './pool';
import { Progress } from './progress';
import { rates, reportOf, scenarioText } from './report';

/** Failures that are made smaller and told of, at most. */
const EXPLAINED = 3;
/** Seeds of further failures that are listed for people, at most. */
const LISTED = 20;

export interface SwarmOptions extends Explaining {
  readonly seeds: Seeds;
  readonly jobs: number;
  /** Where the history of a single seed goes. */
  readonly history: string | undefined;
  readonly verbose: boolean;
  readonly keepGoing: boolean;
}

/** What came of the seeds. */
interface Outcome {
  readonly summary: Summary;
  readonly wallMs: number;
  readonly failing: readonly RunFigures[];
  /** Of the last run. */
  readonly traceHash: string;
  readonly isInterrupted: boolean;
}

/** Runs all seeds of one protocol, and tells how it went. Gives the exit code. */
export async function swarm(options: SwarmOptions): Promise<number> {
  const outcome = await runAll(options);
  if (options.json) await tellPrograms(outcome, options);
  else await tellPeople(outcome, options);
  if (options.history !== undefined) await writeHistory(options.history, options);
  if (outcome.isInterrupted) return 130;
  return outcome.failing.length === 0 ? 0 : 1;
}

/** The first Ctrl-C ends the runs, and leaves the report; a second one ends the program. */
async function runAll(options: SwarmOptions): Promise<Outcome> {
  const { wishes, seeds, jobs, exhibit } = options;
  const { drawScenario } = codeOf(exhibit);
  const progress = new Progress(seeds.last - seeds.first + 1, 'seeds');
  const failing: RunFigures[] = [];
  let summary = NO_RUNS;
  let traceHash = '';
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
  };
  process.once('SIGINT', interrupt);
  const beganMs = performance.now();
  await runSeeds({ wishes, exhibit }, seeds, jobs, ({ figures, tookMs }) => {
    summary = addRun(summary, figures);
    traceHash = figures.traceHash;
    if (figures.failure !== undefined) failing.push(figures);
    if (options.verbose && !options.json)
      say(`${scenarioText(drawScenario(figures.seed, wishes))}\n${lineOf(figures, tookMs)}\n`);
    else progress.step(failing.length === 0 ? 'no failure' : `${failing.length} failed`);
    return !isInterrupted && (figures.failure === undefined || options.keepGoing);
  });
  process.off('SIGINT', interrupt);
  progress.clear();
  failing.sort((a, b) => a.seed - b.seed);
  return { summary, wallMs: performance.now() - beganMs, failing, traceHash, isInterrupted };
}

async function tellPrograms(outcome: Outcome, options: SwarmOptions): Promise<void> {
  const { summary, wallMs, failing, traceHash } = outcome;
  const { wishes, seeds, jobs, exhibit } = options;
  const failures: Explained[] = [];
  for (const figures of failing.slice(0, EXPLAINED)) failures.push(await explain(figures, options));
  const line = {
    ...{ protocol: wishes.protocol, seeds, jobs, wallMs: Math.round(wallMs) },
    ...rates({ summary, wallMs, jobs }),
    ...summary,
    ...{ failed: failing.length, failures, unexplained: failing.slice(EXPLAINED).map(({ seed }) => seed) },
    ...(seeds.first === seeds.last && {
      traceHash,
      scenario: codeOf(exhibit).drawScenario(seeds.first, wishes),
    }),
  };
  say(JSON.stringify(line));
}

async function tellPeople(outcome: Outcome, options: SwarmOptions): Promise<void> {
  const { summary, wallMs, failing, traceHash } = outcome;
  const { wishes, seeds, jobs, exhibit, verbose } = options;
  if (seeds.first === seeds.last && !verbose)
    say(`${scenarioText(codeOf(exhibit).drawScenario(seeds.first, wishes))}\ntrace ${traceHash}\n`);
  say(reportOf({ summary, wallMs, jobs }));
  for (const figures of failing.slice(0, EXPLAINED)) await explain(figures, options);
  if (failing.length > EXPLAINED) say(unexplained(failing.slice(EXPLAINED), options));
  const { staleReads, firstStaleRead: stale } = summary;
  if (stale !== undefined)
    say(
      `\nLocal reads showed the past in ${staleReads} runs, as they may. The first, with seed ${stale.seed}:\n${stale.text}`,
    );
  const failed =
    failing.length === 0 ? 'All runs passed.' : `${failing.length} of ${summary.runs} runs failed.`;
  say(outcome.isInterrupted ? `\nInterrupted. ${failed}` : `\n${failed}`);
}

function unexplained(failing: readonly RunFigures[], options: SwarmOptions): string {
  const seeds = failing.slice(0, LISTED).map(({ seed }) => seed);
  const more = failing.length > LISTED ? ', ...' : '';
  return (
    `\nOnly the first ${EXPLAINED} failures are explained. ${failing.length} more, with the seeds ` +
    `${seeds.join(', ')}${more}; to explain one: bin/simulate --seeds ${seeds[0] ?? ''}${wishText(options)}`
  );
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function lineOf(
  { seed, failure, events, operations, succeeded, simulatedMs, traceHash }: RunFigures,
  tookMs: number,
): string {
  const verdict = failure === undefined ? 'passed' : `FAILED ${failure.message}`;
  return (
    `seed ${seed}: ${verdict}; ${succeeded} of ${operations} operations, ${events} events, ` +
    `${(simulatedMs / 1000).toFixed(1)} s in ${Math.round(tookMs)} ms, trace ${traceHash}`
  );
}

/** Runs the first seed once more, and keeps what its clients saw. */
async function writeHistory(file: string, { exhibit, wishes, seeds }: SwarmOptions): Promise<void> {
  const code = codeOf(exhibit);
  const { history } = await code.runScenario(code.drawScenario(seeds.first, wishes));
  try {
    writeFileSync(file, `${[formatHeader('absent'), ...history.map(formatEvent)].join('\n')}\n`);
  } catch (error) {
    throw new UsageError(`${file} cannot be written: ${(error as Error).message}`);
  }
}
