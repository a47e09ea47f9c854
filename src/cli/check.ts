import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { Option } from 'commander';
import { createColors } from 'picocolors';
import type { History } from '../history/history';
import { judge, type Judgement } from '../history/judge';
import { HistoryError, parseHistory } from '../history/json-lines';
import { renderPage } from '../history/page';
import { isRegisterFormat, parseRegisterHistory } from '../history/register-format';
import { violationText } from '../history/text';
import { durationMs, program, run, UsageError } from './options';
import { wantsColour } from './supervisor/reporter';

interface CheckOptions {
  readonly format?: 'synod' | 'register';
  readonly html?: string;
  readonly json?: true;
  readonly budget: number;
}

const EXIT = { fine: 0, violation: 1, unusable: 2, unknown: 3 } as const;
type Exit = (typeof EXIT)[keyof typeof EXIT];

const UNNAMED = { unnamed: true };

/** Of several files the worst counts. */
const WORST_FIRST: readonly Exit[] = [EXIT.unusable, EXIT.violation, EXIT.unknown];

const EXIT_CODES = `
Exit codes: 0 every history keeps what its reads were promised (linearizable, or sequential per server where only local
reads are to blame), 1 a violation, 2 wrong usage or a file that cannot be read, 3 not decided within the budget, or
nothing to check. Of several files the worst counts: 2, 1, 3, 0.
The formats and the verdicts are described in docs/histories.md.
`;

/** Judges recorded histories. */
export async function main(argv: readonly string[]): Promise<number> {
  const command = program('check', 'Check recorded histories: are they linearizable?', [
    ['check history.jsonl', 'what a client recorded, or a Jepsen run of one register'],
    ['check --html why.html history.jsonl', 'a violation as a page for a browser'],
    ['check --json *.jsonl', 'for programs: one line per file'],
    ['check - < history.jsonl', 'from standard input'],
  ])
    .argument('<files...>', 'history files; - is standard input')
    .addOption(
      new Option('--format <name>', 'of the files; told from their first line if not given').choices([
        'synod',
        'register',
      ]),
    )
    .option('--html <file>', 'write a page that shows the violation (one history only)')
    .option('--json', 'one JSON object per file')
    .addOption(
      new Option('--budget <time>', 'longest time for the check of one file')
        .argParser(durationMs)
        .default(10_000, '10s'),
    )
    .addHelpText('after', EXIT_CODES);
  return await run(command, argv, async () => {
    const options = command.opts<CheckOptions>();
    const files = command.args;
    if (options.html !== undefined && files.length > 1)
      throw new UsageError('--html shows one history: give one file');
    if (files.filter((file) => file === '-').length > 1)
      throw new UsageError('standard input can be read only once: give - once');
    const exits: Exit[] = [];
    for (const file of files) exits.push(await checkFile(file, options));
    return WORST_FIRST.find((exit) => exits.includes(exit)) ?? EXIT.fine;
  });
}

async function checkFile(file: string, options: CheckOptions): Promise<Exit> {
  const name = file === '-' ? 'standard input' : file;
  let history: History;
  try {
    const content = file === '-' ? await text(process.stdin) : readFileSync(file, 'utf8');
    history = parse(withoutUnfinished(content, name), options.format);
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    if (!(error instanceof HistoryError) && code === undefined) throw error;
    process.stderr.write(`error: ${name}: ${message}\n`);
    return EXIT.unusable;
  }
  const beganMs = performance.now();
  const time = { nowMs: () => performance.now(), limitMs: options.budget };
  const judgement = judge(history, { time });
  const tookMs = performance.now() - beganMs;
  if (options.json === true) printJson(name, history, judgement, tookMs);
  else printText(name, history, judgement, tookMs);
  if (options.html !== undefined) writePage(options.html, name, judgement);
  return exitOf(judgement);
}

/** A recorder that was killed may leave a part of a line: the history is good up to there. */
function withoutUnfinished(content: string, name: string): string {
  const start = content.lastIndexOf('\n') + 1;
  const last = content.slice(start);
  if (last.trim() === '' || isJson(last.replace(/^\uFEFF/, ''))) return content;
  process.stderr.write(`note: ${name}: cut in its last line, which is left out\n`);
  return content.slice(0, start);
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function parse(content: string, format: CheckOptions['format']): History {
  const assumed = format ?? (isRegisterFormat(content) ? 'register' : 'synod');
  try {
    return assumed === 'register' ? parseRegisterHistory(content) : parseHistory(content);
  } catch (error) {
    if (!(error instanceof HistoryError)) throw error;
    const told = format === undefined ? ', as its first line looks; --format reads it otherwise' : '';
    throw new HistoryError(`${error.message} (read in the format "${assumed}"${told})`);
  }
}

function exitOf({ kind, checked }: Judgement): Exit {
  if (kind === 'violation') return EXIT.violation;
  return kind === 'unknown' || checked === 0 ? EXIT.unknown : EXIT.fine;
}

function printJson(file: string, { operations }: History, judgement: Judgement, tookMs: number): void {
  const { kind, ...rest } = judgement;
  const verdict =
    judgement.checked === 0 ? { verdict: 'unknown', reason: 'nothing to check' } : { verdict: kind };
  const line = { file, ...verdict, operations: operations.length, ...rest, ms: Number(tookMs.toFixed(3)) };
  process.stdout.write(`${JSON.stringify(line, nameUnnamed)}\n`);
}

/** What a key may hold: null is absent, and a value that nothing in the history names is an object. */
function nameUnnamed(this: unknown, key: string, content: unknown): unknown {
  if (key === 'starts' && Array.isArray(content))
    return content.map((held: unknown) => (held === undefined ? UNNAMED : held));
  const isHeld = key === 'window' || (typeof content === 'object' && content !== null && 'after' in content);
  if (!isHeld || typeof content !== 'object' || content === null) return content;
  const unnamed = Object.entries(content).filter(
    ([name, held]) => (name === 'start' || name === 'after') && held === undefined,
  );
  return { ...content, ...Object.fromEntries(unnamed.map(([name]) => [name, UNNAMED])) };
}

function printText(file: string, { operations }: History, judgement: Judgement, tookMs: number): void {
  const { bold, green, red, yellow } = createColors(wantsColour(process.stdout));
  const { kind, checked } = judgement;
  const size = `${count(operations.length, 'operation')} on ${count(judgement.keys, 'key')}, ${count(checked, 'answer')} checked, ${tookMs.toFixed(1)} ms`;
  const verdicts = {
    linearizable: checked === 0 ? yellow('nothing to check') : green('linearizable'),
    sequential: yellow('sequential per server, not linearizable: only local reads are to blame'),
    violation: red('violation'),
    unknown: yellow('unknown'),
  };
  const reason = judgement.kind === 'unknown' ? `: ${judgement.reason}` : '';
  process.stdout.write(`${bold(file)}: ${verdicts[kind]}${reason} (${size})\n`);
  if (!('violation' in judgement)) return;
  const indented = violationText(judgement.violation).map((line) => (line === '' ? '' : `  ${line}`));
  process.stdout.write(`${indented.join('\n')}\n`);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function writePage(page: string, source: string, judgement: Judgement): void {
  if (!('violation' in judgement)) {
    const older = existsSync(page) ? '; the file of that name is an older one' : '';
    process.stderr.write(`nothing to show: ${page} was not written${older}\n`);
    return;
  }
  try {
    writeFileSync(page, renderPage(judgement.violation, source));
  } catch (error) {
    throw new UsageError(`the page cannot be written: ${(error as Error).message}`);
  }
}
