import { readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { DEFAULT_SEARCH, replaySchedule, search, type SearchOptions } from '../../simulation/search/search';
import { searchWith } from '../../simulation/museum/code';
import type { Exhibit } from '../../simulation/museum/exhibit';
import { option, UsageError, wholeNumber } from '../options';
import { knownExhibit } from './museum';
import { givenIn, refuseOthers } from './refuse';
import { count, findOf, flagsOf, formatReport, knownFinds, numbered } from './search-report';

interface Streams {
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

interface Flags extends Omit<SearchOptions, 'deviations'> {
  readonly deviations: number | 'any';
  readonly json?: true;
  readonly replay?: string;
  readonly exhibit?: string;
}

const HELP = `
One slot; proposers P1, P2, ... (servers 11, 12, ...) that each want their own value chosen; acceptors A, B, ...
(servers 0, 1, ...). The roles are those that the server runs, each on a machine of its own. Any pending message, write
or timer may be next; a message that never is, is lost.

  systematic   every schedule with at most so many choices out of order; with --deviations any, every schedule at all,
               but only one of those that differ in the order of choices at different places
  random       any choice, with timers and faults less often
  adversarial  some messages, and all for one victim at a time, wait until nothing else can happen

Examples:
  simulate search                                       all that three choices out of order can do
  simulate search --acceptors 2 --deviations any        every schedule there is
  simulate search --exhibit P-1                         with a known mistake in the code
  simulate search --strategy random --schedules 1000000 --crashes 1 --timers 2
  simulate search --json > found.json
  simulate search --replay found.json

With --exhibit and no option besides, it searches as is known to find the exhibit:

${knownFinds()}

Exit code 1: a rule was broken; or nothing was ever chosen, so that nothing was tested; or --exhibit was not found.
`;

/** Bound here: while a search runs, nobody may ask what time it is. */
const nowMs = performance.now.bind(performance);
const PROGRESS_EVERY = 1000;

/** Adds the command `search`. `start` gets its work, which resolves with the exit code. */
export function addSearchCommand(
  program: Command,
  start: (work: () => Promise<number>) => void,
  streams: Streams = process,
): void {
  program
    .command('search')
    .configureHelp({ showGlobalOptions: false })
    .description('search the schedules of one small synod, without time, for one that breaks a rule')
    .addOption(
      new Option('--strategy <name>', 'how to choose what happens next')
        .choices(['systematic', 'random', 'adversarial'])
        .default(DEFAULT_SEARCH.strategy),
    )
    .addOption(number('--schedules <count>', 'explore at most so many', 1, 1e12, DEFAULT_SEARCH.schedules))
    .addOption(number('--seed <number>', 'decides what random and adversarial choose', 0, 2 ** 32 - 1, 1))
    .addOption(
      new Option('--deviations <count>', 'systematic: most choices out of order in one schedule, or any')
        .argParser((text) => (text === 'any' ? text : wholeNumber(0, 1000)(text)))
        .default(DEFAULT_SEARCH.deviations),
    )
    .addOption(number('--acceptors <count>', 'acceptors', 1, 9, DEFAULT_SEARCH.acceptors))
    .addOption(number('--proposers <count>', 'proposers', 1, 9, DEFAULT_SEARCH.proposers))
    .addOption(
      number('--timers <count>', 'timers that may fire at each proposer, for more ballots', 0, 100, 0),
    )
    .option('--resends', 'the silent are asked again, which takes a timer', false)
    .option('--noop', 'the last proposer proposes the no-op', false)
    .addOption(number('--crashes <count>', 'crashes of anybody, each with a restart', 0, 100, 0))
    .addOption(number('--duplicates <count>', 'messages that arrive once more', 0, 100, 0))
    .addOption(
      new Option('--writes <when>', 'a write is durable at once, or its moment is one more choice')
        .choices(['at-once', 'choices'])
        .default(DEFAULT_SEARCH.writes),
    )
    .addOption(option('--exhibit <id>', 'put in a mistake from the museum'))
    .addOption(option('--json', 'print the report as JSON'))
    .addOption(option('--replay <file>', 'play the counterexample of a report that --json printed'))
    .addHelpText('after', HELP)
    .action((_, command: Command) => {
      start(workOf(command, streams));
    });
}

function workOf(command: Command, streams: Streams): () => Promise<number> {
  // The program around it has some options of the same names, and takes them wherever they stand.
  const { json, replay, exhibit: id, ...flags } = command.optsWithGlobals<Flags>();
  const own = command.options.map((each) => each.attributeName());
  if (replay !== undefined) {
    refuseOthers(command, 'search --replay', ['replay']);
    return () => play(replay, streams);
  }
  refuseOthers(command, 'search', own);
  const exhibit = id === undefined ? undefined : knownExhibit(id);
  const known = exhibit === undefined ? undefined : findOf(exhibit.id);
  const isAsKnown = known !== undefined && givenIn(command).length === 0;
  const options = isAsKnown ? { ...DEFAULT_SEARCH, ...known } : optionsOf(flags);
  if (isAsKnown && !json) streams.stdout.write(`as is known to find ${exhibit?.id}: ${flagsOf(known)}\n`);
  return () => searchAndPrint(options, { exhibit, isJson: json === true }, streams);
}

function number(
  flags: string,
  description: string,
  minimum: number,
  maximum: number,
  byDefault: number,
): Option {
  return new Option(flags, description).argParser(wholeNumber(minimum, maximum)).default(byDefault);
}

function optionsOf(flags: Omit<Flags, 'json' | 'replay' | 'exhibit'>): SearchOptions {
  const { strategy, schedules, seed, deviations, acceptors, proposers } = flags;
  const { timers, resends, noop, crashes, duplicates, writes } = flags;
  return {
    ...{ strategy, schedules, seed, deviations: deviations === 'any' ? null : deviations },
    ...{ acceptors, proposers, timers, resends, noop, crashes, duplicates, writes },
  };
}

/** The search of the shipped code, or of the code with a mistake from the museum in it. */
function searchOf(exhibit: Exhibit | undefined): typeof search {
  if (exhibit === undefined) return search;
  try {
    return searchWith(exhibit);
  } catch (error) {
    throw new UsageError(
      `exhibit ${exhibit.id} is outside of what the search runs: ${(error as Error).message}`,
    );
  }
}

async function searchAndPrint(
  options: SearchOptions,
  { exhibit, isJson }: { readonly exhibit: Exhibit | undefined; readonly isJson: boolean },
  streams: Streams,
): Promise<number> {
  const explore = searchOf(exhibit);
  const abort = new AbortController();
  const cancel = (): void => {
    abort.abort();
  };
  const { stdout, stderr } = streams;
  const hasProgress = stderr.isTTY === true && !isJson;
  const startMs = nowMs();
  process.on('SIGINT', cancel);
  try {
    const report = await explore(options, (schedules) => {
      if (hasProgress && schedules % PROGRESS_EVERY === 0) stderr.write(`\r${count(schedules)} schedules `);
      return abort.signal.aborted;
    });
    const durationMs = nowMs() - startMs;
    if (hasProgress) stderr.write('\r\x1b[K');
    const text = isJson
      ? JSON.stringify({ exhibit: exhibit?.id, ...report, durationMs })
      : formatReport(report, durationMs, exhibit?.id).join('\n');
    stdout.write(`${text}\n`);
    if (abort.signal.aborted) return 130;
    return report.verdict === 'clean' && exhibit === undefined ? 0 : 1;
  } finally {
    process.off('SIGINT', cancel);
  }
}

async function play(file: string, { stdout }: Streams): Promise<number> {
  const { options, counterexample, exhibit } = reportIn(file);
  if (counterexample === undefined)
    throw new UsageError(`${file} holds no counterexample: no rule was broken`);
  const { schedule, outcome, violation } = await replaySchedule(options, counterexample.schedule);
  const verdict = violation === undefined ? `no rule was broken: ${outcome}` : `RULE BROKEN: ${violation}`;
  const left = counterexample.schedule.length - schedule.length;
  const note = left > 0 ? [`${left} lines are left out: this code does not come to them`] : [];
  const origin =
    exhibit === undefined ? [] : [`found with exhibit ${exhibit} put in, played with the shipped code`];
  stdout.write([...origin, ...numbered(schedule), ...note, verdict, ''].join('\n'));
  return violation === undefined ? 0 : 1;
}

const upTo100 = z.int().min(0).max(100);
const savedReport = z.object({
  exhibit: z.string().optional(),
  options: z.object({
    strategy: z.enum(['systematic', 'random', 'adversarial']),
    schedules: z.int(),
    seed: z.int(),
    deviations: z.int().nullable(),
    acceptors: z.int().min(1).max(9),
    proposers: z.int().min(1).max(9),
    timers: upTo100,
    resends: z.boolean(),
    noop: z.boolean(),
    crashes: upTo100,
    duplicates: upTo100,
    writes: z.enum(['at-once', 'choices']),
  }) satisfies z.ZodType<SearchOptions>,
  counterexample: z.object({ schedule: z.array(z.string()) }).optional(),
});

function reportIn(file: string): z.output<typeof savedReport> {
  let report: unknown;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
  }
  const parsed = savedReport.safeParse(report);
  if (!parsed.success) throw new UsageError(`${file} is no report of a search: make one with --json`);
  return parsed.data;
}
