import { afterEach, describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import {
  addresses,
  durationMs,
  option,
  probability,
  refuseOpenHost,
  repeatable,
  run,
  wholeNumber,
} from '../../src/cli/options';
import { addServerOptions, serverArguments, type ServerOptions } from '../../src/cli/server-options';

afterEach(() => {
  for (const name of Object.keys(process.env).filter((each) => each.startsWith('SYNOD_'))) {
    Reflect.deleteProperty(process.env, name);
  }
});

function parse(argv: readonly string[]): ServerOptions {
  const command = new Command('test').exitOverride().configureOutput({ writeErr: () => undefined });
  addServerOptions(command, { data: 'folder', host: 'address' });
  command.parse([...argv], { from: 'user' });
  return command.opts<ServerOptions>();
}

test('values are checked', () => {
  expect([
    durationMs('500ms'),
    durationMs('4s'),
    durationMs('1.5s'),
    durationMs('2m'),
    durationMs('70'),
  ]).toEqual([500, 4000, 1500, 120_000, 70]);
  for (const bad of ['', '0', '-1s', '4h', 's', '1e9']) expect(() => durationMs(bad)).toThrow('duration');
  expect([probability('0'), probability('.5'), probability('1')]).toEqual([0, 0.5, 1]);
  for (const bad of ['1.1', '-0.1', 'x', '', '1e-1']) expect(() => probability(bad)).toThrow('probability');
  expect(() => probability('16000')).toThrow('A port goes before the flag.');
  expect(wholeNumber(1, 9)('9')).toBe(9);
  for (const bad of ['0', '10', '1.5', '', '0x1'])
    expect(() => wholeNumber(1, 9)(bad)).toThrow('from 1 to 9');
  expect(addresses('a:1,[::1]:2')).toEqual([
    { host: 'a', port: 1 },
    { host: '::1', port: 2 },
  ]);
  for (const bad of ['', 'a', 'a:0', 'a:1,']) expect(() => addresses(bad)).toThrow('is not host:port');
  expect(repeatable('b,c', ['a'])).toEqual(['a', 'b', 'c']);
});

test('-f alone means a quarter', () => {
  expect(parse([]).acceptorFailures).toBe(0);
  expect(parse(['-f']).acceptorFailures).toBe(0.25);
  expect(parse(['-f', '0.5']).acceptorFailures).toBe(0.5);
});

test('the command line passed on to a server says the same', () => {
  const argv = ['-f', '.1', '--ephemeral', '--insecure', '--allow-host', 'a', '--allow-host', 'b'];
  const options = parse([
    ...argv,
    '--log-level',
    'debug',
    '--log-format',
    'json',
    '--operation-timeout',
    '2s',
  ]);
  expect(parse(serverArguments(options))).toEqual(options);
});

describe('every flag has a variable', () => {
  test('whose value counts like an argument, and less than one', () => {
    process.env['SYNOD_ACCEPTOR_FAILURES'] = '0.75';
    process.env['SYNOD_LOG_LEVEL'] = 'warn';
    expect(parse(['--log-level', 'debug'])).toMatchObject({ acceptorFailures: 0.75, logLevel: 'debug' });
    process.env['SYNOD_ACCEPTOR_FAILURES'] = 'often';
    expect(() => parse([])).toThrow("value 'often' from env 'SYNOD_ACCEPTOR_FAILURES' is invalid");
  });

  test.each([
    ['1', true, 0],
    ['true', true, 0],
    ['0', undefined, 0],
    ['no', undefined, 0],
    ['', undefined, 0],
    ['maybe', undefined, 2],
  ])('of a switch, %j', async (value, expected, exitCode) => {
    process.env['SYNOD_EPHEMERAL'] = value;
    const command = new Command('test').addOption(option('--ephemeral', 'in memory'));
    expect(await run(command, [], () => Promise.resolve(0))).toBe(exitCode);
    expect(command.opts<{ ephemeral?: boolean }>().ephemeral).toBe(expected);
  });
});

test('an address that others can reach must be asked for twice', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1']) refuseOpenHost(host, false);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.org']) {
    expect(() => {
      refuseOpenHost(host, false);
    }).toThrow('--insecure');
    refuseOpenHost(host, true);
  }
});
