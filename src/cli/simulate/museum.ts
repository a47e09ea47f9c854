import type { Command } from 'commander';
import { exhibitOf } from '../../simulation/museum/code';
import type { ProtocolName } from '../../protocols/registry';
import type { Wishes } from '../../simulation/draw';
import { EXHIBITS } from '../../simulation/museum/exhibits';
import type { Exhibit } from '../../simulation/museum/exhibit';
import { canMutate } from '../../simulation/museum/mutant';
import { wishesFor } from '../../simulation/museum/tour';
import { option, UsageError, wholeNumber } from '../options';
import { tryCandidates } from './candidates';
import { runSeeds, visitAll } from './pool';
import { Progress } from './progress';
import { refuseOthers } from './refuse';
import type { Tour, Visited } from './tour-worker';

const NEEDS_CLONE =
  'a known mistake is put into the sources, which an installed package does not hold: use a clone of the repository';

interface Options {
  readonly mostSeeds: number;
  readonly jobs: number;
  readonly read?: 'local' | 'linearizable';
  readonly list?: true;
  readonly describe?: true;
  readonly json?: true;
  readonly candidates?: string;
  readonly tests?: true;
}

/** Adds the command `museum`. `start` gets its work, which resolves with the exit code. */
export function addMuseumCommand(program: Command, start: (work: () => Promise<number>) => void): void {
  program
    .command('museum')
    .description('put in known mistakes, one after the other: each must be caught')
    .configureHelp({ showGlobalOptions: false })
    .argument('[ids...]', 'only these exhibits or candidates')
    .addOption(
      option('--most-seeds <count>', 'seeds tried for each')
        .argParser(wholeNumber(1, 1_000_000))
        .default(2000),
    )
    .addOption(option('--jobs <count>', 'exhibits at a time').default(1))
    .addOption(option('--read <level>', 'of all reads, not drawn').choices(['local', 'linearizable']))
    .addOption(option('--candidates <folder>', 'put in the mistakes of these *.json files instead'))
    .option(
      '--tests',
      'with --candidates: run the tests that a candidate names where no simulated run catches it',
    )
    .option('--list', 'name them')
    .option('--describe', 'tell what each is about')
    .addOption(option('--json', 'one JSON document'))
    .action((ids: string[], _, command: Command) => {
      // The program around it has some options of the same names, and takes them wherever they stand.
      const options = command.optsWithGlobals<Options>();
      if (options.list) refuseOthers(command, 'museum --list', ['list', 'json']);
      if (options.describe) refuseOthers(command, 'museum --describe', ['describe', 'json']);
      const { candidates, tests } = options;
      const common = ['mostSeeds', 'jobs', 'read', 'json'];
      if (candidates !== undefined) {
        refuseOthers(command, 'museum --candidates', [...common, 'candidates', 'tests']);
        start(() => visitCandidates(candidates, ids, options));
        return;
      }
      if (tests) throw new UsageError('--tests goes with --candidates');
      refuseOthers(command, 'museum', [...common, 'list', 'describe']);
      start(() => visitMuseum(ids, options));
    });
}

async function visitCandidates(folder: string, ids: readonly string[], options: Options): Promise<number> {
  if (!canMutate()) throw new UsageError(NEEDS_CLONE);
  const { mostSeeds, jobs, read, tests = false, json = false } = options;
  return await tryCandidates({ folder, ids, tour: { read, mostSeeds }, jobs, tests, json });
}

async function visitMuseum(ids: readonly string[], options: Options): Promise<number> {
  const { mostSeeds, jobs, read, list, describe, json = false } = options;
  const exhibits = ids.length === 0 ? EXHIBITS : ids.map(knownExhibit);
  if (list) {
    say(json ? JSON.stringify(exhibits.map(({ id, name }) => ({ id, name }))) : listOf(exhibits));
    return 0;
  }
  if (describe) {
    say(json ? JSON.stringify(exhibits) : exhibits.map(describeExhibit).join('\n\n'));
    return 0;
  }
  if (!canMutate()) throw new UsageError(NEEDS_CLONE);
  return await museum({ read, mostSeeds }, exhibits, jobs, json);
}

type Finding = Visited & { readonly exhibit: Exhibit };
type Wrong = { readonly seed: number; readonly message: string; readonly protocol: ProtocolName };

/** Puts in one known mistake after the other and shows by what it is caught. Exit code 0 when all are. */
async function museum(
  tour: Tour,
  exhibits: readonly Exhibit[],
  jobs: number,
  json: boolean,
): Promise<number> {
  const findings = await goRound(tour, exhibits, jobs, json);
  const seeds = Math.max(0, ...findings.map(({ runs }) => runs));
  const wrong = await controlAll(tour.read, findings, jobs);
  const caught = findings.filter((finding) => finding.caught !== undefined).length;
  if (json)
    say(
      JSON.stringify({
        caught,
        of: findings.length,
        controlSeeds: seeds,
        controlFailure: wrong,
        findings: findings.map(plain),
      }),
    );
  else {
    say(`\n${caught} of ${findings.length} caught.`);
    say(
      wrong === undefined
        ? `The shipped code passes the same ${seeds} seeds.`
        : `THE SHIPPED CODE FAILS with --protocol ${wrong.protocol} and seed ${wrong.seed}: ${wrong.message}`,
    );
  }
  return caught === findings.length && wrong === undefined ? 0 : 1;
}

/** Visits all. Each line is printed as soon as it and all before it are known. */
async function goRound(
  tour: Tour,
  exhibits: readonly Exhibit[],
  jobs: number,
  json: boolean,
): Promise<Finding[]> {
  if (!json) say(`${'exhibit'.padEnd(50)} ${'seeds'.padStart(5)} ${'time'.padStart(8)}  caught by`);
  const waiting = new Map<number, Visited>();
  const findings: Finding[] = [];
  const progress = new Progress(exhibits.length, 'exhibits');
  const onRun = (id: string): void => {
    progress.note(`now ${id}`);
  };
  await visitAll(tour, exhibits, jobs, onRun, (index, visited) => {
    if (visited.obstacle !== undefined) throw new Error(visited.obstacle.message);
    waiting.set(index, visited);
    progress.clear();
    for (const exhibit of exhibits.slice(findings.length)) {
      const next = waiting.get(findings.length);
      if (next === undefined) break;
      const finding = { ...next, exhibit };
      findings.push(finding);
      if (!json) say(lineOf(finding));
    }
    progress.step(`${exhibits[index]?.id ?? ''} is done`);
  });
  progress.clear();
  return findings;
}

/** Runs the seeds of all visits with the shipped code, with the protocol and quorums of each; gives a failure, which must not be. */
async function controlAll(
  read: Tour['read'],
  findings: readonly Finding[],
  jobs: number,
): Promise<Wrong | undefined> {
  const controls = new Map<string, { wishes: Wishes; seeds: number }>();
  for (const { exhibit, runs } of findings) {
    const wishes = wishesFor(exhibit, read);
    const name = `${wishes.protocol} ${wishes.quorums}`;
    controls.set(name, { wishes, seeds: Math.max(runs, controls.get(name)?.seeds ?? 0) });
  }
  for (const { wishes, seeds } of controls.values()) {
    const wrong = await control(wishes, seeds, jobs);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** Runs the seeds; gives the first failure. */
async function control(wishes: Wishes, seeds: number, jobs: number): Promise<Wrong | undefined> {
  const failed: Wrong[] = [];
  const progress = new Progress(seeds, 'seeds');
  await runSeeds({ wishes }, { first: 1, last: seeds }, jobs, ({ figures: { seed, failure } }) => {
    progress.step('the shipped code');
    if (failure !== undefined) failed.push({ seed, message: failure.message, protocol: wishes.protocol });
    return failed.length === 0;
  });
  progress.clear();
  return failed.sort((a, b) => a.seed - b.seed)[0];
}

/** What is known of one exhibit, for people. */
function describeExhibit({ id, name, rule, story, schedule, edits }: Exhibit): string {
  const changes = edits.flatMap(({ file, find, replace }) => [
    `in src/${file}:`,
    ...find.split('\n').map((line) => `  - ${line}`),
    ...replace.split('\n').map((line) => `  + ${line}`),
  ]);
  return [
    `${id}: ${name}`,
    '',
    story,
    '',
    `The rule: ${rule}.`,
    `A schedule: ${schedule}`,
    '',
    ...changes,
  ].join('\n');
}

/** Throws UsageError when there is none of this name. */
export function knownExhibit(id: string): Exhibit {
  const exhibit = exhibitOf(id);
  if (exhibit === undefined)
    throw new UsageError(`there is no exhibit ${id}; "simulate museum --list" names them all`);
  if (!canMutate()) throw new UsageError(NEEDS_CLONE);
  return exhibit;
}

function listOf(exhibits: readonly Exhibit[]): string {
  return exhibits.map(({ id, name }) => `${id.padEnd(6)} ${name}`).join('\n');
}

function plain({ exhibit, caught, runs, simulatedMs, tookMs }: Finding): object {
  const { id, name } = exhibit;
  return {
    id,
    name,
    caught: caught ?? null,
    runs,
    simulatedMs: Math.round(simulatedMs),
    tookMs: Math.round(tookMs),
  };
}

function lineOf({ exhibit, caught, runs, tookMs }: Finding): string {
  const name = `${exhibit.id.padEnd(6)} ${exhibit.name}`.padEnd(50);
  const by = caught === undefined ? 'NOT CAUGHT' : `${caught.kind} (seed ${caught.seed})`;
  return `${name} ${String(runs).padStart(5)} ${`${(tookMs / 1000).toFixed(1)} s`.padStart(8)}  ${by}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
