import { readFileSync } from 'node:fs';
import { parseFailure } from '../../simulation/failure-file';
import { FIRST_CLIENT, NOWHERE } from '../../simulation/virtual-time';
import { UsageError } from '../options';
import { codeOf } from './job';
import { knownExhibit } from './museum';
import { scenarioText } from './report';

/** Runs a failure file again and tells what happens. Exit code 1 when it still fails. */
export async function replay(path: string, verbose: boolean): Promise<number> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
  let file: ReturnType<typeof parseFailure>;
  try {
    file = parseFailure(text);
  } catch (error) {
    throw new UsageError(`${path} is no failure file: ${(error as Error).message}`);
  }
  const { scenario, exhibit, failure, commit } = file;
  const code = codeOf(exhibit === undefined ? undefined : knownExhibit(exhibit).id);
  say(scenarioText(scenario));
  say(`recorded at commit ${commit}${exhibit === undefined ? '' : `, with exhibit ${exhibit} put in`}\n`);
  const lines: string[] = [];
  const report = await code.runScenario(scenario, (atMs, place, what) => {
    lines.push(`${atMs.toFixed(1).padStart(10)} ms  ${placeName(place).padEnd(9)} ${what}`);
  });
  if (verbose) say(lines.join('\n'));
  else
    say(
      `${lines.slice(-LAST_LINES).join('\n')}\n(the last ${Math.min(LAST_LINES, lines.length)} of ${lines.length} lines; --verbose shows all)`,
    );
  say(`\ntrace ${report.traceHash}`);
  say(`then:  ${failure.message}`);
  // Carried to its end by correct code, a run that was made small may do nothing that counts as work.
  const isDone =
    report.failure === undefined || (report.failure.kind === 'no work' && failure.kind !== 'no work');
  say(`now:   ${isDone ? 'passes' : report.failure.message}`);
  return isDone ? 0 : 1;
}

const LAST_LINES = 40;

function placeName(place: number): string {
  if (place === NOWHERE) return '';
  return place >= FIRST_CLIENT ? `client ${place - FIRST_CLIENT}` : `server ${place}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
