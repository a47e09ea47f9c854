import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatEvent, formatHeader } from '../../history/json-lines';
import type { Wishes } from '../../simulation/draw';
import { formatFailure } from '../../simulation/failure-file';
import type { Scenario } from '../../simulation/scenario';
import { shrink } from '../../simulation/shrink';
import { addRun, NO_RUNS, type RunFigures } from '../../simulation/summary';
import { PACKAGE_ROOT, packageVersion } from '../options';
import { codeOf } from './job';
import { runSeeds, type Seeds } from './pool';
import { Progress } from './progress';
import { rates, reportOf, scenarioText } from './report';

/** Runs that shrinking a failure may take. */
const SHRINKING_RUNS = 400;

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

/** Runs all seeds of one protocol. Gives the failures. */
export async function swarm(options: SwarmOptions): Promise<readonly Failed[]> {
  const { wishes, seeds, jobs, exhibit } = options;
  const progress = new Progress(seeds.last - seeds.first + 1, 'seeds');
  const isSingle = seeds.first === seeds.last;
  const failing: RunFigures[] = [];
  let summary = NO_RUNS;
  let traceHash = '';
  const beganMs = performance.now();
  await runSeeds({ wishes, exhibit }, seeds, jobs, ({ figures, tookMs }) => {
    summary = addRun(summary, figures);
    traceHash = figures.traceHash;
    if (figures.failure !== undefined) failing.push(figures);
    const failed = failing.length === 0 ? 'no failure' : `${failing.length} failed`;
    if (options.verbose && !options.json) say(lineOf(figures, tookMs));
    else progress.step(failed);
    return figures.failure === undefined || options.keepGoing;
  });
  const wallMs = performance.now() - beganMs;
  progress.clear();
  if (options.history !== undefined) await writeHistory(options.history, options);
  if (!options.json && isSingle)
    say(`${scenarioText(codeOf(exhibit).drawScenario(seeds.first, wishes))}\ntrace ${traceHash}\n`);
  if (!options.json) say(reportOf({ summary, wallMs, jobs }));
  const failures: Failed[] = [];
  for (const figures of failing.slice(0, 3)) failures.push(await explain(figures, options));
  const stale = summary.firstStaleRead;
  if (!options.json && stale !== undefined)
    say(
      `\nLocal reads showed the past in ${summary.staleReads} runs, as they may. The first, with seed ${stale.seed}:\n${stale.text}`,
    );
  if (options.json)
    say(
      JSON.stringify({
        protocol: wishes.protocol,
        seeds,
        jobs,
        wallMs: Math.round(wallMs),
        ...rates({ summary, wallMs, jobs }),
        ...summary,
        failed: failing.length,
        failures,
        ...(isSingle && { traceHash }),
      }),
    );
  else
    say(failing.length === 0 ? '\nAll runs passed.' : `\n${failing.length} of ${summary.runs} runs failed.`);
  return failures;
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
