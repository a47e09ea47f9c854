import { describe, expect, test } from '@jest/globals';
import { runAll, runProgram } from './program';

const ONE = ['--id', '0', '--servers', '127.0.0.1:15000'];

const WRONG: readonly [name: string, argv: readonly string[], message: string, env?: NodeJS.ProcessEnv][] = [
  ['start-servers', ['--porotocol', 'paxos'], 'Did you mean --protocol?'],
  ['start-servers', ['--protocol', 'raft'], 'Allowed choices are paxos'],
  ['start-servers', ['0'], 'from 1 to 65535'],
  ['start-servers', ['65533'], '5 servers from port 65533 on would need ports above 65535'],
  ['start-servers', ['-n', '0'], 'from 1 to 99'],
  ['start-servers', ['--quorums', '3,2'], 'phase 1 could ask {0, 1, 2} and phase 2 {3, 4}'],
  ['start-servers', [], 'a grid of 2 x 2 places 4 servers, not 5', { SYNOD_QUORUMS: 'grid:2x2' }],
  [
    'server',
    [...ONE, '--quorums', '2,1'],
    'quorums 2,1 are not of 1 to 1 server',
    { SYNOD_TOKEN: 'x'.repeat(32) },
  ],
  ['simulate', ['--quorums', '5,6'], 'quorums 5,6 belong to 10 servers, and 9 are simulated at most'],
  ['simulate', ['--quorums', '2,2', '--servers', '4'], 'phase 1 could ask {0, 1} and phase 2 {2, 3}'],
  ['start-servers', ['-f', '16000'], 'A port goes before the flag.'],
  ['start-servers', ['--host', '0.0.0.0'], '--insecure'],
  ['start-servers', ['--prepopulate', 'nowhere.json'], 'nowhere.json'],
  ['start-servers', [], 'SYNOD_PORT is "http"', { SYNOD_PORT: 'http' }],
  ['start-servers', [], 'SYNOD_EPHEMERAL is "perhaps": say 1 or 0', { SYNOD_EPHEMERAL: 'perhaps' }],
  ['server', [], '--id and --servers are needed'],
  [
    'server',
    ['--id', '1', '--servers', '127.0.0.1:15000'],
    'the id must be a position',
    { SYNOD_TOKEN: 'x'.repeat(32) },
  ],
  ['server', ONE, 'openssl rand -hex 32'],
  ['server', [...ONE, '--token-file', 'nowhere'], 'the token file cannot be read'],
  ['server', ONE, 'at least 16 characters', { SYNOD_TOKEN: 'short' }],
  ['server', ['--id', '0', '--servers', '10.1.2.3:15000'], '--insecure', { SYNOD_TOKEN: 'x'.repeat(32) }],
  ['server', [...ONE, '--token', 'x'], 'unknown option'],
  ['demo', ['--quick'], 'unknown option'],
  ['synod', ['clent'], 'Did you mean client?'],
  ['synod', ['server', '--idd', '1'], 'Did you mean --id?'],
];
const PROGRAMS = ['start-servers', 'server', 'demo', 'synod', 'client', 'bench'];

function expectRefused(
  { code, stdout, stderr }: Awaited<ReturnType<typeof runAll>>[number],
  message: string,
): void {
  expect(stderr).toContain(message);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(/^error: /);
  expect(stdout).toBe('');
  expect(code).toBe(2);
}

describe('a wrong command line is one line on stderr and exit code 2', () => {
  const ended = runAll(WRONG.map(([name, argv, , env]) => ({ name, argv, ...(env && { env }) })));

  test.each(WRONG.map(([name, argv, message], index) => [name, argv, message, index] as const))(
    '%s %j: %s',
    async (_name, _argv, message, index) => {
      expectRefused((await ended)[index]!, message);
    },
  );

  // The client has commands, to which a second line points.
  test.each(PROGRAMS.filter((name) => name !== 'client'))('of the process too: %s', async (name) => {
    expectRefused(await runProgram(`bin/${name}`, ['--no-such-option']), '--no-such-option');
  });
});

describe('--help and --version', () => {
  const ended = runAll(
    PROGRAMS.flatMap((name) => ['--help', '--version'].map((flag) => ({ name, argv: [flag] }))),
  );

  test.each(PROGRAMS.map((name, index) => [name, index] as const))('of %s', async (name, index) => {
    const [help, version] = (await ended).slice(2 * index);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help?.stdout).toMatch(new RegExp(`^Usage: ${name} `));
    expect(help?.stdout).toContain('Examples:');
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(version?.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

test.each(['start-servers', 'server'])('%s --help names a variable for every option', async (name) => {
  const { stdout } = await runProgram(`bin/${name}`, ['--help']);
  const unwrapped = stdout.replaceAll(/\n {10,}/g, ' ').split('\n');
  const options = unwrapped.filter((line) => /^ {2}(-\w, )?--/.test(line) && !/--(help|version)/.test(line));
  expect(options.length).toBeGreaterThan(10);
  expect(options.filter((line) => !line.includes('env: SYNOD_'))).toEqual([]);
});

test('synod passes everything on to its programs', async () => {
  const { stdout } = await runProgram('bin/synod', ['start-servers', '--help']);
  expect(stdout).toMatch(/^Usage: start-servers /);
});
