import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { judge } from '../../src/history/judge';
import { isRegisterFormat, parseRegisterHistory } from '../../src/history/register-format';

interface Run {
  readonly name: string;
  readonly verdict: string;
  readonly text: string;
}

/** See recorded/README.md. */
function recordedRuns(): Run[] {
  const file = join(__dirname, 'recorded', 'jepsen-etcd.jsonl.gz');
  return gunzipSync(readFileSync(file))
    .toString()
    .split(/^(?=\{"history")/m)
    .map(asRun);
}

function asRun(part: string): Run {
  const end = part.indexOf('\n');
  const { history, verdict } = JSON.parse(part.slice(0, end)) as { history: string; verdict: string };
  return { name: history, verdict, text: part.slice(end + 1) };
}

const runs = recordedRuns();

test('both verdicts are among the recorded runs', () => {
  const count = (verdict: string): number => runs.filter((run) => run.verdict === verdict).length;
  expect([count('linearizable'), count('violation')]).toEqual([13, 47]);
});

test.each(runs)('$name is known to be: $verdict', ({ verdict, text }) => {
  expect(isRegisterFormat(text)).toBe(true);
  const history = parseRegisterHistory(text);
  const beganMs = performance.now();
  const judgement = judge(history);
  expect(performance.now() - beganMs).toBeLessThan(1000);
  expect(judgement).toMatchObject({ kind: verdict, keys: 1 });
  expect(judgement.checked).toBeGreaterThan(30);
});
