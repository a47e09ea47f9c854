import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { judge } from '../../src/history/judge';
import { parseHistory } from '../../src/history/json-lines';
import { parseRegisterHistory } from '../../src/history/register-format';
import { violationText } from '../../src/history/text';

const docs = readFileSync(join(__dirname, '../../docs/histories.md'), 'utf8');
const blocks = (language: string): string[] =>
  [...docs.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map((match) => match[1] ?? '');

test('the example of the docs gives the output shown', () => {
  const [example] = blocks('jsonl');
  const [shown] = blocks('console');
  const judgement = judge(parseHistory(example ?? ''));
  if (judgement.kind !== 'violation') throw new Error(judgement.kind);
  const lines = violationText(judgement.violation).map((line) => (line === '' ? '' : `  ${line}`));
  expect(shown?.trimEnd().split('\n').slice(2)).toEqual(lines);
});

test('so does the example of the register format', () => {
  const [, example] = blocks('jsonl');
  expect(judge(parseRegisterHistory(example ?? ''))).toMatchObject({ kind: 'linearizable', checked: 2 });
});
