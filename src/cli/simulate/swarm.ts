import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatEvent, formatHeader } from '../../history/json-lines';
import type { Wishes } from '../../simulation/draw';
import { formatFailure } from '../../simulation/failure-file';
import type { Scenario } from '../../simulation/scenario';
import { shrink } from '../../simulation/shrink';
import { addRun, NO_RUNS, type RunFigures, type Summary } from '../../simulation/summary';
import { PACKAGE_ROOT, packageVersion } from '../options';
import { codeOf } from './job';
import { runSeeds, type Seeds } from './pool';
import { Progress } from './progress';
import { rates, reportOf, scenarioText } from './report';

/** Runs that shrinking a failure may take. */
const SHRINKING_RUNS = 400;
/** Failures that are made smaller and told of, at most. */
const EXPLAINED = 3;

export interface SwarmOptions {
  readonly wishes: Wishes;
  readonly seeds: Seeds;
  readonly jobs: number;
  readonly exhibit: string | undefined;
  readonly folder: string;
  /** Where the history of a single seed goes. */
  readonly history: string | undefined;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly keepGoing: boolean;
}

interface Failed {
  readonly seed: number;
  readonly failure: NonNullable<RunFigures['failure']>;
  readonly replay: string;
  readonly file: string;
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
  if (options.history !== undefined) await writeHistory(options.history, options);
  if (options.json) await tellPrograms(outcome, options);
  else await tellPeople(outcome, options);
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
  const { wishes, seeds, jobs } = options;
  const failures: Failed[] = [];
  for (const figures of failing.slice(0, EXPLAINED)) failures.push(await explain(figures, options));
  const line = {
    ...{ protocol: wishes.protocol, seeds, jobs, wallMs: Math.round(wallMs) },
    ...rates({ summary, wallMs, jobs }),
    ...summary,
    ...{ failed: failing.length, failures },
    ...(seeds.first === seeds.last && { traceHash }),
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
  const { staleReads, firstStaleRead: stale } = summary;
  if (stale !== undefined)
    say(
      `\nLocal reads showed the past in ${staleReads} runs, as they may. The first, with seed ${stale.seed}:\n${stale.text}`,
    );
  const failed =
    failing.length === 0 ? 'All runs passed.' : `${failing.length} of ${summary.runs} runs failed.`;
  say(outcome.isInterrupted ? `\nInterrupted. ${failed}` : `\n${failed}`);
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
  writeFileSync(file, `${[formatHeader('absent'), ...history.map(formatEvent)].join('\n')}\n`);
}

/** Shrinks a failure, writes it down, and tells how to see it again. */
async function explain({ seed, failure }: RunFigures, options: SwarmOptions): Promise<Failed> {
  if (failure === undefined) throw new Error('there is nothing to explain');
  const code = codeOf(options.exhibit);
  const scenario = code.drawScenario(seed, options.wishes);
  if (!options.json) say(`\nFAILED with seed ${seed}: ${failure.message}\nMaking it smaller ...`);
  const progress = new Progress(SHRINKING_RUNS, 'tries');
  const kindOf = async (candidate: Scenario): Promise<boolean> => {
    const report = await code.runScenario(candidate);
    progress.step(`${candidate.clients.length} clients, ${candidate.faults.length} faults`);
    return report.failure?.kind === failure.kind;
  };
  const small = await shrink(scenario, kindOf, SHRINKING_RUNS);
  progress.clear();
  const { failure: shown = failure } = await code.runScenario(small.scenario);
  mkdirSync(options.folder, { recursive: true });
  const file = join(
    options.folder,
    `seed-${seed}${options.exhibit === undefined ? '' : `-${options.exhibit}`}.json`,
  );
  const { exhibit } = options;
  writeFileSync(
    file,
    formatFailure({ version: 1, commit: commit(), exhibit, failure: shown, scenario: small.scenario }),
  );
  const replay = `bin/simulate --replay ${file}`;
  if (!options.json)
    say(
      `${shown.message}\n${scenarioText(small.scenario)}\ncommit ${commit()}; again: bin/simulate --seeds ${seed}` +
        `${wishText(options)}\nthe smaller one: ${replay}`,
    );
  return { seed, failure, replay, file };
}

function wishText({ wishes, exhibit }: SwarmOptions): string {
  return [
    ` --protocol ${wishes.protocol}`,
    ...(wishes.servers === undefined ? [] : [` --servers ${wishes.servers}`]),
    ...(wishes.read === undefined ? [] : [` --read ${wishes.read}`]),
    ...(exhibit === undefined ? [] : [` --exhibit ${exhibit}`]),
  ].join('');
}

/** Of the clone this runs in; the version, where it is none. */
function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], {
      cwd: PACKAGE_ROOT,
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    }).trim();
  } catch {
    return packageVersion();
  }
}
