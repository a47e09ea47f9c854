import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { EXHIBITS } from '../src/simulation/museum/exhibits';

const ROOT = join(__dirname, '..');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const lines = readFileSync(join(ROOT, 'docs/guarantees.md'), 'utf8').split('\n');
/** The last column of a table's row: what holds the promise. */
const promises = lines.flatMap((line) => {
  const columns = /^\| (.+) \| (.+) \|$/.exec(line);
  return columns === null || columns[1] === 'promise' ? [] : [[columns[1]!, columns[2]!] as const];
});
const named = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);

function exists(name: string): boolean {
  if (/^(?:P|MP|F|S)-\w+$/.test(name)) return EXHIBITS.some(({ id }) => id === name);
  const script = /^npm run (\S+)/.exec(name)?.[1];
  if (script !== undefined) return script in scripts;
  // Documents hold nothing.
  return /^(test|bin)\//.test(name) && existsSync(join(ROOT, name.split(' ')[0]!));
}

describe('what holds each promise of docs/guarantees.md', () => {
  test('there are promises', () => {
    expect(promises.length).toBeGreaterThan(15);
  });

  test.each(promises)('%s', (_, heldBy) => {
    const names = named(heldBy);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !exists(name))).toEqual([]);
  });
});
