import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const PROGRAM = join(__dirname, '../../bin/check');

const GOOD = [
  '{"type":"invoke","id":1,"client":"a","op":"put","key":"x","value":"1"}',
  '{"type":"ok","id":1,"replaced":false}',
];
const BAD = [
  ...GOOD,
  '{"type":"invoke","id":2,"client":"b","op":"get","key":"x","read":"linearizable"}',
  '{"type":"ok","id":2,"value":null}',
];
const SEQUENTIAL = BAD.map((line) => line.replace('"linearizable"', '"local"'));
const REGISTER = [
  '{"process":0,"type":"invoke","op":"write","value":"1"}',
  '{"process":0,"type":"ok","op":"write"}',
  '{"process":0,"type":"invoke","op":"read"}',
  '{"process":0,"type":"ok","op":"read","result":"1"}',
];
/** Thousands of steps, and no time for them. */
const HARD = [
  ...Array.from(
    { length: 40 },
    (_, id) => `{"type":"invoke","id":${id},"client":"c${id}","op":"put","key":"x","value":"${id}"}`,
  ),
  ...Array.from({ length: 40 }, (_, id) => `{"type":"ok","id":${id}}`),
  ...['1', '2', '1'].flatMap((value, index) => [
    `{"type":"invoke","id":${100 + index},"client":"r","op":"get","key":"x","read":"linearizable"}`,
    `{"type":"ok","id":${100 + index},"value":"${value}"}`,
  ]),
];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'synod-check-'));
  const files = {
    good: GOOD,
    bad: BAD,
    sequential: SEQUENTIAL,
    register: REGISTER,
    hard: HARD,
    empty: [],
    broken: ['{', ''],
    cut: [...GOOD, BAD[2]!.slice(0, 20)],
  };
  for (const [name, lines] of Object.entries(files)) writeFileSync(join(folder, name), lines.join('\n'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function check(
  argv: readonly string[],
  input = '',
  env: NodeJS.ProcessEnv = { NO_COLOR: '1' },
): { code: number | null; stdout: string; stderr: string } {
  const outer = Object.entries(process.env).filter(([name]) => !['FORCE_COLOR', 'NO_COLOR'].includes(name));
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...argv], {
    cwd: folder,
    input,
    encoding: 'utf8',
    env: { ...Object.fromEntries(outer), ...env },
  });
  return { code: status, stdout, stderr };
}

describe('one line per file, and an exit code', () => {
  test.each<[string, readonly string[], number, RegExp]>([
    [
      'linearizable',
      ['good'],
      0,
      /^good: linearizable \(1 operation on 1 key, 1 answer checked, [\d.]+ ms\)\n$/,
    ],
    [
      'a violation',
      ['bad'],
      1,
      /^bad: violation \(.*\)\n {2}stale read: get x -> absent by b shows an old value/,
    ],
    [
      'local reads',
      ['sequential'],
      0,
      /^sequential: sequential per server, not linearizable: only local reads are to blame/,
    ],
    ['the other format', ['register'], 0, /^register: linearizable/],
    ['nothing to check', ['empty'], 3, /^empty: nothing to check/],
    [
      'not decided',
      ['hard', '--budget', '50ms'],
      3,
      /^hard: unknown: key "x" is not decided: the budget of time is spent/,
    ],
    ['the worst of several', ['good', 'bad', 'empty'], 1, /^good: .*\nbad: [^]*\nempty: /],
  ])('%s', (_, argv, code, stdout) => {
    const ended = check(argv);
    expect(ended).toMatchObject({ code, stderr: '' });
    expect(ended.stdout).toMatch(stdout);
  });
});

test('standard input', () => {
  expect(check(['-'], GOOD.join('\n'))).toMatchObject({ code: 0 });
  expect(check(['-', '--format', 'register'], GOOD.join('\n'))).toMatchObject({ code: 2, stdout: '' });
});

test('an unfinished last line is left out, and told', () => {
  const { code, stdout, stderr } = check(['cut']);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: 'note: cut: cut in its last line, which is left out\n',
  });
  expect(stdout).toMatch(/^cut: linearizable \(1 operation /);
});

test('what cannot be read is named, and the other files are judged', () => {
  const { code, stdout, stderr } = check(['broken', 'nowhere', 'good']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error: broken: line 1 is not JSON: .*\nerror: nowhere: ENOENT.*\n$/);
  expect(stdout).toMatch(/^good: linearizable/);
});

test.each([
  [[], "missing required argument 'files'"],
  [['good', 'bad', '--html', 'a.html'], '--html shows one history: give one file'],
  [['-', 'good', '-'], 'standard input can be read only once'],
  [['good', '--budget', 'soon'], 'A duration such as'],
  [['bad', '--html', 'nowhere/a.html'], 'the page cannot be written'],
])('wrong usage: %j', (argv, message) => {
  const { code, stderr } = check(argv);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

test('for programs', () => {
  const { stdout } = check(['--json', 'good', 'bad', 'empty']);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(lines).toMatchObject([
    { file: 'good', verdict: 'linearizable', operations: 1, checked: 1, keys: 1 },
    {
      file: 'bad',
      verdict: 'violation',
      violation: { anomaly: { name: 'stale read', ids: [1, 2] }, window: { key: 'x' } },
    },
    { file: 'empty', verdict: 'unknown', reason: 'nothing to check' },
  ]);
});

test('for programs a value that nothing names is not absent', () => {
  const lines = [
    '{"type":"history","version":1,"initial":"unknown"}',
    '{"type":"invoke","id":1,"client":"a","op":"put","key":"x","value":"1"}',
    '{"type":"ok","id":1,"replaced":true}',
    '{"type":"invoke","id":2,"client":"a","op":"get","key":"x","read":"linearizable"}',
    '{"type":"ok","id":2,"value":null}',
  ];
  const { stdout } = check(['--json', '-'], lines.join('\n'));
  expect(JSON.parse(stdout)).toMatchObject({ violation: { window: { start: { unnamed: true } } } });
});

test('a page is written for a violation only', () => {
  expect(check(['bad', '--html', 'bad.html'])).toMatchObject({ code: 1, stderr: '' });
  expect(readFileSync(join(folder, 'bad.html'), 'utf8')).toMatch(/^<!doctype html>/);
  const fine = check(['good', '--html', 'good.html']);
  expect(fine).toMatchObject({ code: 0, stderr: 'nothing to show: good.html was not written\n' });
  expect(existsSync(join(folder, 'good.html'))).toBe(false);
  expect(check(['good', '--html', 'bad.html']).stderr).toBe(
    'nothing to show: bad.html was not written; the file of that name is an older one\n',
  );
});

test('colour only where it is wanted', () => {
  const red = '\u001b[31m';
  expect(check(['bad'], '', {}).stdout).not.toContain(red);
  expect(check(['bad'], '', { FORCE_COLOR: '1' }).stdout).toContain(red);
  expect(check(['bad'], '', { FORCE_COLOR: '1', NO_COLOR: '1' }).stdout).not.toContain(red);
});

test('--help tells the exit codes', () => {
  const { code, stdout } = check(['--help']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Usage: check /);
  expect(stdout).toContain('Exit codes:');
  expect(stdout).toContain('Examples:');
});
