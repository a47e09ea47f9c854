import { afterAll, expect, jest, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram, type Ended } from './program';

// Where a test that hangs ends, not a wait: the tests of a mutant are a jest of their own.
jest.setTimeout(90_000);

const folders: string[] = [];

function folderWith(candidates: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'synod-candidates-'));
  folders.push(folder);
  writeFileSync(join(folder, 'some.json'), JSON.stringify(candidates));
  return folder;
}

function museum(candidates: unknown, ...argv: string[]): Promise<Ended> {
  return runProgram('bin/simulate', ['museum', '--candidates', folderWith(candidates), ...argv]);
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const DIGEST = { file: 'kv/digest.ts', find: 'toString(): string {' };
const BALLOTS = {
  id: 'ballots',
  name: 'lower ballots win',
  edits: [{ file: 'core/ballot.ts', find: 'a.round - b.round', replace: 'b.round - a.round' }],
};
const COMMENT = {
  id: 'comment',
  name: 'a comment',
  edits: [{ ...DIGEST, replace: 'toString(): string { //' }],
};
const CONSTANT = {
  id: 'constant',
  name: 'one digest for every store',
  edits: [{ ...DIGEST, replace: "toString(): string {\n    if (this !== undefined) return '0'.repeat(16);" }],
};

test('a candidate is caught by a run, by its tests, or argued to change nothing', async () => {
  const { code, stdout } = await museum(
    [
      BALLOTS,
      { ...CONSTANT, tests: ['test/kv/digest.test.ts'] },
      { ...COMMENT, equivalent: 'a comment is not run' },
    ],
    ...['--most-seeds', '2', '--tests'],
  );
  expect(stdout).toMatch(/^ballots .* no progress \(paxos, seed [12]\)$/m);
  expect(stdout).toMatch(/^constant .* test: .*digest/m);
  expect(stdout).toMatch(/^comment .* equivalent: a comment is not run$/m);
  expect(stdout).toContain('3 candidates: 1 caught by simulation, 1 by tests, 1 equivalent, 0 not caught');
  expect(code).toBe(0);
});

test('a candidate that survives, or that finds no place, is a failure', async () => {
  const { code, stdout } = await museum(
    [
      { ...COMMENT, tests: ['test/kv/digest.test.ts'] },
      { ...COMMENT, id: 'nowhere', edits: [{ ...DIGEST, find: 'no such text', replace: '' }] },
    ],
    ...['--most-seeds', '1', '--tests', '--json'],
  );
  expect(JSON.parse(stdout)).toMatchObject({
    candidates: 2,
    surviving: 1,
    inapplicable: 1,
    findings: [
      { id: 'comment', verdict: { kind: 'survives', why: 'test/kv/digest.test.ts pass' } },
      { id: 'nowhere', verdict: { kind: 'inapplicable' } },
    ],
  });
  expect(code).toBe(1);
});

test('what cannot be read, and options that do not go together, are refused', async () => {
  const [unreadable, twice, unknown, alone] = await Promise.all([
    museum([{ id: 'a b' }]),
    museum([COMMENT, COMMENT]),
    museum([COMMENT], 'other'),
    runProgram('bin/simulate', ['museum', '--tests']),
  ]);
  expect(unreadable.stderr).toMatch(/^error: .*some\.json holds no array of candidates: /);
  expect(twice.stderr).toContain('have the id comment');
  expect(unknown.stderr).toContain('there is no candidate other');
  expect(alone.stderr).toContain('--tests goes with --candidates');
  expect([unreadable, twice, unknown, alone].map(({ code }) => code)).toEqual([2, 2, 2, 2]);
});
