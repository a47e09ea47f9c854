import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Wishes } from '../../simulation/draw';
import { formatFailure } from '../../simulation/failure-file';
import type { Scenario } from '../../simulation/scenario';
import { shrink } from '../../simulation/shrink';
import type { RunFigures } from '../../simulation/summary';
import { PACKAGE_ROOT, packageVersion } from '../options';
import { codeOf } from './job';
import { makeFolder } from './output';
import { SPINS } from './pool';
import { Progress } from './progress';
import { scenarioText } from './report';

/** Runs that shrinking a failure may take. */
const SHRINKING_RUNS = 400;

export interface Explaining {
  readonly wishes: Wishes;
  readonly exhibit: string | undefined;
  /** Where failure files go. */
  readonly folder: string;
  readonly json: boolean;
}

export interface Explained {
  readonly seed: number;
  readonly failure: NonNullable<RunFigures['failure']>;
  /** Runs the seed again. */
  readonly again: string;
  /** The smaller run, and what runs it again. Null: it could not be written. */
  readonly file: string | null;
  readonly replay: string | null;
}

/** Shrinks a failure, tells how to see it again, and writes it down. */
export async function explain({ seed, failure }: RunFigures, options: Explaining): Promise<Explained> {
  if (failure === undefined) throw new Error('there is nothing to explain');
  const { wishes, exhibit, json } = options;
  const code = codeOf(exhibit);
  const say = (text: string): void => {
    if (!json) process.stdout.write(`${text}\n`);
  };
  const again = `bin/simulate --seeds ${seed}${wishText(options)}`;
  say(`\nFAILED with seed ${seed}: ${failure.message}`);
  if (failure.kind === SPINS) {
    // Tried here, it would never end.
    say(`commit ${commit()}; again: ${again}`);
    return { seed, failure, again, file: null, replay: null };
  }
  say('Making it smaller ...');
  const progress = new Progress(SHRINKING_RUNS, 'tries');
  const stillFails = async (candidate: Scenario): Promise<boolean> => {
    const report = await code.runScenario(candidate);
    progress.step(`${candidate.clients.length} clients, ${candidate.faults.length} faults`);
    return report.failure?.kind === failure.kind;
  };
  const { scenario } = await shrink(code.drawScenario(seed, wishes), stillFails, SHRINKING_RUNS);
  progress.clear();
  const { failure: shown = failure } = await code.runScenario(scenario);
  say(`${shown.message}\n${scenarioText(scenario)}\ncommit ${commit()}; again: ${again}`);
  const file = join(options.folder, nameOf(seed, options));
  try {
    makeFolder(options.folder);
    writeFileSync(file, formatFailure({ version: 1, commit: commit(), exhibit, failure: shown, scenario }));
  } catch (error) {
    process.stderr.write(`error: ${file} cannot be written: ${(error as Error).message}\n`);
    return { seed, failure, again, file: null, replay: null };
  }
  const replay = `bin/simulate --replay ${file}`;
  say(`the smaller one: ${replay}`);
  return { seed, failure, again, file, replay };
}

/** The same seed is another run with other wishes, and so is its file. */
function nameOf(seed: number, { wishes, exhibit }: Explaining): string {
  const parts = [
    ...['seed', seed, wishes.protocol],
    ...(wishes.servers === undefined ? [] : ['servers', wishes.servers]),
    ...(wishes.quorums === undefined ? [] : ['quorums', wishes.quorums.replaceAll(/\W/g, '-')]),
    ...(wishes.thrifty ? ['thrifty'] : []),
    ...(wishes.read === undefined ? [] : ['read', wishes.read]),
    ...(exhibit === undefined ? [] : [exhibit]),
  ];
  return `${parts.join('-')}.json`;
}

/** The options that fix the same, as on a command line. */
export function wishText({ wishes, exhibit }: Pick<Explaining, 'wishes' | 'exhibit'>): string {
  return [
    ` --protocol ${wishes.protocol}`,
    ...(wishes.servers === undefined ? [] : [` --servers ${wishes.servers}`]),
    ...(wishes.quorums === undefined ? [] : [` --quorums ${wishes.quorums}`]),
    ...(wishes.thrifty ? [' --thrifty'] : []),
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
