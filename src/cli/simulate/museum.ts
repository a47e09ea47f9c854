import type { Wishes } from '../../simulation/draw';
import { exhibitOf } from '../../simulation/museum/code';
import { EXHIBITS } from '../../simulation/museum/exhibits';
import type { Exhibit } from '../../simulation/museum/exhibit';
import { canMutate } from '../../simulation/museum/mutant';
import { control, visit, type Finding } from '../../simulation/museum/tour';
import { UsageError } from '../options';
import { Progress } from './progress';

const NEEDS_CLONE =
  'a known mistake is put into the sources, which an installed package does not hold: use a clone of the repository';

export interface MuseumOptions {
  readonly wishes: Wishes;
  readonly exhibits: readonly Exhibit[];
  readonly mostSeeds: number;
  readonly json: boolean;
}

type Timed = Finding & { readonly tookMs: number };

/** Puts in one known mistake after the other and shows by what it is caught. Exit code 0 when all are. */
export async function museum({ wishes, exhibits, mostSeeds, json }: MuseumOptions): Promise<number> {
  if (!canMutate()) throw new UsageError(NEEDS_CLONE);
  const now = performance.now.bind(performance);
  if (!json) say(`${'exhibit'.padEnd(50)} ${'seeds'.padStart(5)} ${'time'.padStart(8)}  caught by`);
  const findings: Timed[] = [];
  for (const exhibit of exhibits) {
    const beganMs = now();
    const progress = new Progress(mostSeeds, 'seeds');
    const onRun = (): void => {
      progress.step(exhibit.id);
    };
    const finding = { ...(await visit(exhibit, wishes, mostSeeds, onRun)), tookMs: now() - beganMs };
    progress.clear();
    findings.push(finding);
    if (!json) say(lineOf(finding));
  }
  const seeds = Math.max(0, ...findings.map(({ runs }) => runs));
  const progress = new Progress(seeds, 'seeds');
  const wrong = await control(wishes, seeds, () => {
    progress.step('the shipped code');
  });
  progress.clear();
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
        : `THE SHIPPED CODE FAILS with seed ${wrong.seed}: ${wrong.message}`,
    );
  }
  return caught === findings.length && wrong === undefined ? 0 : 1;
}

/** What is known of one exhibit, for people. */
export function describeExhibit({ id, name, rule, story, schedule, edits }: Exhibit): string {
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

export function listOfExhibits(): string {
  return EXHIBITS.map(({ id, name }) => `${id.padEnd(6)} ${name}`).join('\n');
}

function plain({ exhibit, caught, runs, simulatedMs, tookMs }: Timed): object {
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

function lineOf({ exhibit, caught, runs, tookMs }: Timed): string {
  const name = `${exhibit.id.padEnd(6)} ${exhibit.name}`.padEnd(50);
  const by = caught === undefined ? 'NOT CAUGHT' : `${caught.kind} (seed ${caught.seed})`;
  return `${name} ${String(runs).padStart(5)} ${`${(tookMs / 1000).toFixed(1)} s`.padStart(8)}  ${by}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
