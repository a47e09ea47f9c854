import { mistakesOf, readCandidates, type Candidate } from '../../simulation/museum/candidate';
import { UsageError } from '../options';
import { runTestsWith } from './mutated-tree';
import { visitAll } from './pool';
import { Progress } from './progress';
import type { Tour, Visited } from './tour-worker';

/** What became of a candidate. */
export type Verdict =
  | { readonly kind: 'simulation'; readonly by: string; readonly seed: number; readonly protocol: string }
  | { readonly kind: 'tests'; readonly by: readonly string[] }
  | { readonly kind: 'equivalent'; readonly why: string }
  | { readonly kind: 'survives'; readonly why: string }
  | { readonly kind: 'inapplicable'; readonly why: string };

interface Judged {
  readonly candidate: Candidate;
  readonly verdict: Verdict;
  /** Seeds that were run. */
  readonly runs: number;
}

/** How candidates are tried. */
export interface Trial {
  readonly folder: string;
  /** Only those with these ids; all if there are none. */
  readonly ids: readonly string[];
  readonly tour: Tour;
  readonly jobs: number;
  /** Whether the tests that a candidate names judge it where no simulated run catches it. */
  readonly tests: boolean;
  readonly json: boolean;
}

/**
 * Puts in every candidate of a folder and prints by what it is caught. Exit code 0 when each is caught, or argued to
 * be equivalent; 1 when one survives or can no longer be put in.
 */
export async function tryCandidates(trial: Trial): Promise<number> {
  const candidates = chosen(trial);
  const width = Math.max(...candidates.map((candidate) => titleOf(candidate).length));
  if (!trial.json) say(`${'candidate'.padEnd(width)} ${'seeds'.padStart(6)}  caught by`);
  const visits = await simulate(candidates, trial);
  const judged: Judged[] = [];
  for (const candidate of candidates) {
    const seen = visits.get(candidate.id) ?? [];
    const verdict = await verdictOf(candidate, seen, trial);
    const runs = seen.reduce((sum, visited) => sum + visited.runs, 0);
    judged.push({ candidate, verdict, runs });
    if (!trial.json)
      say(`${titleOf(candidate).padEnd(width)} ${String(runs).padStart(6)}  ${describe(verdict)}`);
  }
  report(judged, trial.json);
  return judged.some(({ verdict }) => isOpen(verdict)) ? 1 : 0;
}

function chosen({ folder, ids }: Trial): Candidate[] {
  let all: Candidate[];
  try {
    all = readCandidates(folder);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const unknown = ids.find((id) => !all.some((candidate) => candidate.id === id));
  if (unknown !== undefined) throw new UsageError(`there is no candidate ${unknown} in ${folder}`);
  const some = all.filter(({ id }) => ids.length === 0 || ids.includes(id));
  if (some.length === 0) throw new UsageError(`${folder} holds no candidates: *.json files are read`);
  return some;
}

async function simulate(
  candidates: readonly Candidate[],
  { tour, jobs }: Trial,
): Promise<ReadonlyMap<string, readonly Visited[]>> {
  const mistakes = candidates.filter(({ equivalent }) => equivalent === undefined).flatMap(mistakesOf);
  const visits = new Map<string, Visited[]>();
  if (mistakes.length === 0) return visits;
  const progress = new Progress(mistakes.length, 'visits');
  const onRun = (id: string): void => {
    progress.note(`now ${id}`);
  };
  await visitAll(tour, mistakes, jobs, onRun, (index, visited) => {
    const id = mistakes[index]?.id ?? '';
    visits.set(id, [...(visits.get(id) ?? []), visited]);
    progress.step(`${id} is done`);
  });
  progress.clear();
  return visits;
}

async function verdictOf(candidate: Candidate, seen: readonly Visited[], trial: Trial): Promise<Verdict> {
  if (candidate.equivalent !== undefined) return { kind: 'equivalent', why: candidate.equivalent };
  const [caught] = seen.flatMap(({ caught: finding, protocol }) =>
    finding ? [{ ...finding, protocol }] : [],
  );
  if (caught !== undefined)
    return { kind: 'simulation', by: caught.kind, seed: caught.seed, protocol: caught.protocol };
  const inapplicable = seen.find(({ obstacle }) => obstacle?.kind === 'inapplicable')?.obstacle;
  if (inapplicable !== undefined) return { kind: 'inapplicable', why: inapplicable.message };
  const { tests = [] } = candidate;
  if (tests.length === 0) return { kind: 'survives', why: 'no simulated run fails, and it names no tests' };
  if (!trial.tests)
    return { kind: 'survives', why: `no simulated run fails; --tests tries ${tests.join(' ')}` };
  const { isCaught, by } = await runTestsWith(candidate.edits, tests);
  return isCaught ? { kind: 'tests', by } : { kind: 'survives', why: `${tests.join(' ')} pass` };
}

function isOpen({ kind }: Verdict): boolean {
  return kind === 'survives' || kind === 'inapplicable';
}

function titleOf({ id, name }: Candidate): string {
  return `${id.padEnd(8)} ${name}`;
}

function describe(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'simulation':
      return `${verdict.by} (${verdict.protocol}, seed ${verdict.seed})`;
    case 'tests':
      return `test: ${verdict.by[0] ?? ''}${verdict.by.length > 1 ? ` (and ${verdict.by.length - 1} more)` : ''}`;
    case 'equivalent':
      return `equivalent: ${verdict.why}`;
    case 'survives':
      return `NOT CAUGHT: ${verdict.why}`;
    case 'inapplicable':
      return `NOT TRIED: ${verdict.why}`;
  }
}

function report(judged: readonly Judged[], json: boolean): void {
  const count = (kind: Verdict['kind']): number =>
    judged.filter(({ verdict }) => verdict.kind === kind).length;
  const counts = {
    candidates: judged.length,
    bySimulation: count('simulation'),
    byTests: count('tests'),
    equivalent: count('equivalent'),
    surviving: count('survives'),
    inapplicable: count('inapplicable'),
  };
  if (json) {
    const findings = judged.map(({ candidate: { id, name }, runs, verdict }) => ({
      id,
      name,
      runs,
      verdict,
    }));
    say(JSON.stringify({ ...counts, findings }));
    return;
  }
  say(
    `\n${counts.candidates} candidates: ${counts.bySimulation} caught by simulation, ${counts.byTests} by tests, ` +
      `${counts.equivalent} equivalent, ${counts.surviving} not caught, ${counts.inapplicable} not tried.`,
  );
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
