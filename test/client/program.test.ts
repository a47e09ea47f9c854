import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { API_ERRORS } from '../../src/api/errors';
import { main } from '../../src/cli/client';
import { closedAddress, fakeServer, healthyStore } from './fake-server';
import type { Call, FakeServer, Reaction } from './fake-server';

const environmentBefore = { ...process.env };
let opened: FakeServer[] = [];
let folder = '';

beforeEach(() => {
  opened = [];
  folder = mkdtempSync(join(tmpdir(), 'synod-client-'));
  for (const name of Object.keys(process.env))
    if (name.startsWith('SYNOD_')) Reflect.deleteProperty(process.env, name);
  process.env['XDG_STATE_HOME'] = folder;
});
afterEach(async () => {
  process.env = { ...environmentBefore };
  rmSync(folder, { recursive: true });
  await Promise.all(opened.map((server) => server.stop()));
});

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Terminal extends PassThrough {
  readonly isTTY: boolean;
  text = '';

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }
  collect(): this {
    this.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
    return this;
  }
}

async function run(argv: readonly string[], input = ''): Promise<Ran> {
  const [stdin, stdout, stderr] = [
    new Terminal(false),
    new Terminal(false).collect(),
    new Terminal(false).collect(),
  ];
  stdin.end(input);
  const exitCode = await main(argv, { stdin, stdout, stderr });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

async function serverThat(react: (call: Call) => Reaction | Promise<Reaction>): Promise<string> {
  const server = await fakeServer(react);
  opened.push(server);
  return server.address;
}

describe('one command', () => {
  test('does each of them, data on stdout, messages on stderr, and its exit code', async () => {
    process.env['SYNOD_SERVERS'] = await serverThat(healthyStore());
    expect(await run(['put', 'name', 'ada'])).toEqual({
      exitCode: 0,
      stdout: 'created, slot 1\n',
      stderr: '',
    });
    expect(await run(['get', 'name'])).toEqual({ exitCode: 0, stdout: 'ada\n', stderr: '' });
    expect(await run(['cas', 'name', 'ada', 'bob'])).toMatchObject({ exitCode: 0, stdout: 'set, slot 2\n' });
    expect(await run(['cas', 'name', '--expect-absent', 'eve'])).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: 'unchanged: "name" is "bob"\n',
    });
    expect(await run(['list', 'na'])).toMatchObject({ exitCode: 0, stdout: 'name\tbob\n' });
    expect(await run(['cas', 'name', 'bob', '--delete'])).toMatchObject({ exitCode: 0 });
    expect(await run(['get', 'name'])).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: '"name" is not in the store\n',
    });
    expect(await run(['delete', 'name'])).toMatchObject({ exitCode: 3, stdout: '' });
    expect((await run(['put', '--', 'k', '-5'])).exitCode).toBe(0);
    expect((await run(['get', 'k'])).stdout).toBe('-5\n');
    expect((await run(['faults', '0.25'])).stdout).toContain('acceptor failure 25 %');
    expect((await run(['log-level', 'debug'])).stdout).toContain('log level debug');
    const demonstration = await run(['demo']);
    expect(demonstration.exitCode).toBe(0);
    expect(demonstration.stdout.match(/^ok {2}(PUT|GET|DELETE) /gm)).toHaveLength(15);
  });

  test('shows the status of every server, the unreachable ones too', async () => {
    const [up, down] = [await serverThat(healthyStore()), await closedAddress()];
    const { exitCode, stdout } = await run(['--servers', `${up},${down}`, 'status']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`^0 +${up} +ready`, 'm'));
    expect(stdout).toMatch(new RegExp(`^- +${down} +unreachable: connection refused`, 'm'));
    expect(stdout).toContain('1 of 2 servers answer, all stores equal');
    expect(stdout).toContain(
      'quorums majority: each phase needs 1 of 1 server (0 may be down); writes survive the loss of 0 disks',
    );
    expect((await run(['-s', down, 'status'])).exitCode).toBe(4);
  });

  test('passes --read, --broadcast and --timeout on', async () => {
    const calls: Call[] = [];
    const store = healthyStore();
    const react = (call: Call): Reaction => {
      calls.push(call);
      return store(call);
    };
    const servers = `${await serverThat(react)},${await serverThat(react)}`;
    await run(['-s', servers, 'get', 'k', '--read', 'linearizable']);
    expect(calls).toEqual([{ method: 'kv.get', params: { key: 'k', read: 'linearizable' } }]);
    calls.length = 0;
    await run(['-s', servers, '--broadcast', 'put', 'k', 'v']);
    expect(calls).toHaveLength(2);
    const silent = await serverThat(() => ({ misbehave: () => undefined }));
    const startedAt = performance.now();
    expect(await run(['-s', silent, '--timeout', '200', 'put', 'k', 'v'])).toMatchObject({ exitCode: 7 });
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  test.each([
    ['surely failed', { error: API_ERRORS.noQuorum } satisfies Reaction, 1, API_ERRORS.noQuorum, true],
    [
      'outcome unknown',
      { error: API_ERRORS.outcomeUnknown } satisfies Reaction,
      7,
      API_ERRORS.outcomeUnknown,
      false,
    ],
  ])('%s: an exit code and a JSON error of its own', async (_what, reaction, exitCode, kind, definite) => {
    const server = await serverThat(() => reaction);
    const ran = await run(['-s', server, '--timeout', '300', '--json', 'put', 'k', 'v']);
    expect(ran).toMatchObject({ exitCode, stderr: '' });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      command: 'put',
      error: { code: kind.code, name: kind.name, definite, message: expect.any(String) },
      ms: expect.any(Number),
    });
    const text = await run(['-s', server, '--timeout', '300', 'put', 'k', 'v']);
    expect(text.stderr.includes('may have taken effect')).toBe(!definite);
  });

  test('nobody there: exit code 4', async () => {
    const ran = await run(['-s', await closedAddress(), '--timeout', '200', 'put', 'k', 'v']);
    expect(ran).toMatchObject({ exitCode: 4, stdout: '' });
    expect(ran.stderr).toContain('connection refused');
  });

  test.each([
    [['gett', 'x'], 'Did you mean get?'],
    [['get', 'x', '--jsn'], 'Did you mean --json?'],
    [['put', 'x'], 'usage: put [options] <key> <value>'],
    [['cas', 'x', 'y'], 'usage: cas [options] <key> <expect> <value>'],
    [['cas', 'x', 'y', 'z', '--delete'], 'too many values'],
    [['--servers', 'nowhere', 'get', 'x'], 'not host:port'],
    [['--servers', 'a:1', '--port', '2', 'get', 'x'], 'not both'],
    [['--port', '0', 'get', 'x'], 'from 1 to 65535'],
    [['--read', 'fresh', 'get', 'x'], 'linearizable'],
    [['faults', '0.5', '--at', 'foo'], 'is not host:port'],
    [['faults', '2'], 'from 0 to 1'],
    [['put', '', 'x'], 'key must have 1 to 1024 bytes'],
  ])('wrong usage %j: exit code 2 and a hint', async (argv, hint) => {
    const ran = await run(argv);
    expect(ran).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ran.stderr).toContain(hint);
  });

  test('help names options, variables, examples and exit codes', async () => {
    const { exitCode, stdout } = await run(['--help']);
    expect(exitCode).toBe(0);
    for (const part of ['SYNOD_SERVERS', 'Examples:', 'Exit codes:', 'outcome unknown', 'cas'])
      expect(stdout).toContain(part);
  });

  test('a flag wins over the variable of the other; an empty or false switch is off', async () => {
    process.env['SYNOD_SERVERS'] = await closedAddress();
    process.env['SYNOD_JSON'] = 'false';
    process.env['SYNOD_BROADCAST'] = '';
    const address = await serverThat(healthyStore());
    const ran = await run(['--port', address.split(':')[1]!, 'put', 'k', 'v']);
    expect(ran).toMatchObject({ exitCode: 0, stdout: 'created, slot 1\n' });
    expect(opened[0]!.calls).toHaveLength(1);
  });
});

describe('a batch', () => {
  const lines = '# comment\nput "a key" \'x y\'\n\nget "a key"\nget nothing\ngett\nget "a key"\nput "open\n';

  test('goes on after a failed line, names it, and ends with the gravest exit code', async () => {
    process.env['SYNOD_SERVERS'] = await serverThat(healthyStore());
    const { exitCode, stdout, stderr } = await run([], lines);
    expect(stdout).toBe('created, slot 1\nx y\nx y\n');
    expect(stderr).toContain('line 5: "nothing" is not in the store\n');
    expect(stderr).toContain("line 6: error: unknown command 'gett'\n(Did you mean get?)");
    expect(stderr).toContain('line 8: error: a quote is not closed');
    expect(exitCode).toBe(2);
  });

  test('ends at the first failed line with --fail-fast, and at quit', async () => {
    process.env['SYNOD_SERVERS'] = await serverThat(healthyStore());
    expect(await run(['--fail-fast'], lines)).toMatchObject({
      exitCode: 3,
      stdout: 'created, slot 1\nx y\n',
    });
    expect(await run([], 'put a b\nquit\nput c d\n')).toMatchObject({ stdout: 'created, slot 2\n' });
  });

  test('prints one JSON object a line with --json', async () => {
    process.env['SYNOD_SERVERS'] = await serverThat(healthyStore());
    const { stdout } = await run(['--json'], lines);
    const objects = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(objects).toMatchObject([
      { command: 'put', line: 2, result: { replaced: false, slot: 1 } },
      { command: 'get', line: 4, result: { found: true, value: 'x y' } },
      { command: 'get', line: 5, result: { found: false } },
      { line: 6, error: { code: -32602, name: 'wrong usage', definite: true } },
      { command: 'get', line: 7 },
      { line: 8, error: { code: -32602, name: 'wrong usage', definite: true } },
    ]);
  });
});

describe('the prompt', () => {
  async function type(keys: readonly string[], waitFor: readonly (RegExp | (() => boolean))[]): Promise<Ran> {
    const [stdin, stdout, stderr] = [
      new Terminal(true),
      new Terminal(true).collect(),
      new Terminal(true).collect(),
    ];
    const ended = main([], { stdin, stdout, stderr });
    for (const [index, key] of keys.entries()) {
      const deadline = Date.now() + 5000;
      const condition = waitFor[index]!;
      const holds = (): boolean =>
        condition instanceof RegExp ? condition.test(stdout.text + stderr.text) : condition();
      while (!holds()) {
        if (Date.now() > deadline) throw new Error(`waited in vain; seen: ${stdout.text}${stderr.text}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      stdin.write(key);
    }
    return { exitCode: await ended, stdout: stdout.text, stderr: stderr.text };
  }

  test('shows the server in use, results with their time, completes keys, keeps a private history', async () => {
    process.env['NO_COLOR'] = '1';
    const address = await serverThat(healthyStore());
    process.env['SYNOD_SERVERS'] = address;
    const ran = await type(
      ['put name "ada l"\r', 'get na\t', '\r', 'quit\r'],
      [new RegExp(`${address}> `), /created, slot 1 \(\d+\.\d ms\)/, /get name /, /"ada l" \(/],
    );
    expect(ran.exitCode).toBe(0);
    const history = join(folder, 'synod', 'client-history');
    expect(readFileSync(history, 'utf8')).toBe('put name "ada l"\nget name \nquit\n');
    expect(statSync(history).mode & 0o777).toBe(0o600);
  });

  test('Ctrl-C gives up the operation in progress, then Ctrl-D leaves', async () => {
    process.env['NO_COLOR'] = '1';
    process.env['SYNOD_SERVERS'] = await serverThat(() => ({ misbehave: () => undefined }));
    const ran = await type(
      ['put a b\r', '\x03', '\x04'],
      [
        /> /,
        () => opened[0]!.calls.some(({ method }) => method === 'kv.put'),
        /outcome unknown: stopped by the caller/,
      ],
    );
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain('No server answers yet');
  });
});
