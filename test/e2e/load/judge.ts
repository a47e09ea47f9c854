import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HistoryEvent, Operation } from '../../../src/history/history';
import { formatEvent, formatHeader, historyOf } from '../../../src/history/json-lines';
import { judge, type Judgement } from '../../../src/history/judge';
import { renderPage } from '../../../src/history/page';
import { violationText } from '../../../src/history/text';

const LIMIT_MS = 10_000;

/** How many answers were judged, and found to be right. */
export interface Judged {
  /** Of writes and linearizable reads: linearizable. */
  readonly strict: number;
  /** Of local reads: sequential at each server. */
  readonly local: number;
}

/**
 * Judges the history of a load that began with absent keys. Throws unless its writes and linearizable reads are
 * linearizable, its local reads sequential at each server, and at least so many of the former were checked; the error
 * names a file with the history.
 */
export function assertJudged(name: string, events: readonly HistoryEvent[], atLeast: number): Judged {
  const { initial, operations } = historyOf(events, 'absent');
  const limits = { time: { nowMs: () => performance.now(), limitMs: LIMIT_MS } };
  const strict = judge({ initial, operations: operations.filter((each) => !isLocal(each)) }, limits);
  const whole = judge({ initial, operations }, limits);
  const wrong = [strict, whole].find(({ kind }) => kind === 'violation' || kind === 'unknown');
  if (wrong !== undefined || strict.checked < atLeast) {
    const objection =
      wrong === undefined ? [`only ${strict.checked} answers, not ${atLeast}`] : whyNot(wrong);
    throw new Error([`${name} is in ${keep(name, events, wrong)}:`, ...objection].join('\n'));
  }
  return { strict: strict.checked, local: whole.checked - strict.checked };
}

function isLocal({ request }: Operation): boolean {
  return 'read' in request && request.read === 'local';
}

function whyNot(judgement: Judgement): string[] {
  if (judgement.kind === 'unknown') return [judgement.reason];
  return judgement.kind === 'violation' ? violationText(judgement.violation) : [];
}

/** Writes the history, and the page of a violation beside it. Returns the path of the history. */
function keep(name: string, events: readonly HistoryEvent[], wrong: Judgement | undefined): string {
  const path = join(mkdtempSync(join(tmpdir(), 'synod-history-')), name);
  const lines = [formatHeader('absent'), ...events.map(formatEvent)];
  writeFileSync(`${path}.jsonl`, lines.map((line) => `${line}\n`).join(''));
  if (wrong?.kind === 'violation') writeFileSync(`${path}.html`, renderPage(wrong.violation, name));
  return `${path}.jsonl`;
}
