import { afterEach, describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { findFreePorts } from '../../src/cli/supervisor/ports';
import { waitUntil } from '../e2e/helpers/wait';
import { isAlive, startFakes, untilGone, type Program } from './program';

const programs: Program[] = [];

async function fakes(
  argv: readonly string[] = [],
  behaviours: Readonly<Record<number, string>> = {},
): Promise<{ program: Program; port: number }> {
  const port = await findFreePorts(5);
  const program = startFakes([String(port), ...argv], behaviours);
  programs.push(program);
  return { program, port };
}

/** Starts once more, in the folder of an earlier program that has ended. */
function again(before: Program, argv: readonly string[]): Program {
  const program = startFakes(argv, {}, { folder: before.folder });
  programs.push(program);
  return program;
}

async function interrupt(program: Program, times = 1): Promise<number> {
  const begin = performance.now();
  for (let count = 0; count < times; count++) {
    program.child.kill('SIGINT');
    if (count + 1 < times) await program.untilPrinted('stopping');
  }
  await program.ended;
  return performance.now() - begin;
}

afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.close()));
});

test('says "ready" with the client command, and stops cleanly at Ctrl-C', async () => {
  const { program, port } = await fakes();
  await program.untilPrinted('ready after');
  expect(program.stdout).toContain(`client --port ${port}`);
  expect(program.stdout).toContain('server 4 | {"message":"token of 64 characters"}');
  const pids = program.fakePids(5);
  expect(pids.filter(isAlive)).toHaveLength(5);

  const took = await interrupt(program);
  expect((await program.ended).code).toBe(0);
  // The supervisor ends by then whatever its servers do: it kills those that have not stopped within 1.7 s.
  expect(took).toBeLessThan(2000);
  expect(pids.filter(isAlive)).toEqual([]);
});

test.each(['SIGTERM', 'SIGHUP'] as const)('stops cleanly at %s too', async (signal) => {
  const { program } = await fakes(['-n', '2']);
  await program.untilPrinted('ready after');
  program.child.kill(signal);
  expect((await program.ended).code).toBe(0);
  expect(program.fakePids(2).filter(isAlive)).toEqual([]);
});

test('a server that does not stop is killed within 2 s', async () => {
  const { program } = await fakes(['-n', '2'], { 1: 'deaf' });
  await program.untilPrinted('ready after');
  expect(await interrupt(program)).toBeLessThan(2400);
  expect(program.fakePids(2).filter(isAlive)).toEqual([]);
});

test('a second Ctrl-C ends all at once', async () => {
  const { program } = await fakes(['-n', '2'], { 0: 'deaf', 1: 'deaf' });
  await program.untilPrinted('ready after');
  expect(await interrupt(program, 2)).toBeLessThan(1200);
  expect(program.fakePids(2).filter(isAlive)).toEqual([]);
});

test('kill -9 of the supervisor leaves no orphan', async () => {
  const { program } = await fakes();
  await program.untilPrinted('ready after');
  program.child.kill('SIGKILL');
  await untilGone(program.fakePids(5));
});

test('a reader that goes away, as after "| head", ends it without an error', async () => {
  const { program } = await fakes(['-n', '2']);
  await program.untilPrinted('ready after');
  program.child.stdout?.destroy();
  // Something to print, or it would not notice.
  process.kill(program.fakePids(1)[0]!, 'SIGKILL');
  expect((await program.ended).code).toBe(0);
  await untilGone(program.fakePids(2));
});

describe('a server that dies', () => {
  test('is reported and restarted at once', async () => {
    const { program } = await fakes();
    await program.untilPrinted('ready after');
    const before = program.fakePids(5);
    process.kill(before[2]!, 'SIGKILL');
    await program.untilPrinted('server 2 is ready again');
    expect(program.stderr).toContain('server 2 died (SIGKILL); restarting it at once');
    const now = program.fakePids(5);
    expect(now[2]).not.toBe(before[2]);
    expect([now[0], now[1], now[3], now[4]]).toEqual([before[0], before[1], before[3], before[4]]);
  });

  test('is restarted at once five times, then after a pause that grows', async () => {
    const { program } = await fakes(['-n', '2']);
    await program.untilPrinted('ready after');
    const deaths = (): string[] =>
      [...program.stderr.matchAll(/server 1 died \(SIGKILL\); restarting it (.*)/g)].map(([, when]) => when!);
    // Where deaths are far apart more restarts are at once: the loop goes on until two are not.
    for (let count = 1; !deaths().includes('in 1 s'); count++) {
      process.kill(program.fakePids(2)[1]!, 'SIGKILL');
      const again = (): number => program.stdout.split('server 1 is ready again').length - 1;
      await waitUntil(
        () => again() === count && deaths().length === count,
        20_000,
        () => program.stderr,
      );
    }
    expect(deaths().slice(0, 5)).toEqual(Array.from({ length: 5 }, () => 'at once'));
    expect(deaths().slice(-2)).toEqual(['in 0.5 s', 'in 1 s']);
  });

  test('is restarted at once before it is ready too, if it has been ready before', async () => {
    const { program } = await fakes(['-n', '2']);
    await program.untilPrinted('ready after');
    writeFileSync(join(program.folder, 'behaviour-1'), 'crash');
    process.kill(program.fakePids(2)[1]!, 'SIGKILL');
    await program.untilPrinted('server 1 died (exit code 7); restarting it in 0.5 s');
    expect(program.stderr.split('restarting it at once').length - 1).toBeGreaterThanOrEqual(5);
    rmSync(join(program.folder, 'behaviour-1'));
    await program.untilPrinted('server 1 is ready again');
  });

  test('before it was ever ready is restarted after a pause that grows', async () => {
    const { program } = await fakes(['-n', '2'], { 1: 'crash' });
    await program.untilPrinted('server 1 died (exit code 7); restarting it in 0.5 s');
    await program.untilPrinted('server 1 died (exit code 7); restarting it in 1 s');
    expect(program.stdout).not.toContain('ready after');
    rmSync(join(program.folder, 'behaviour-1'));
    await program.untilPrinted('ready after');
  });

  test.each([
    ['--no-restart', 'it is not restarted (--no-restart)'],
    ['--ephemeral', 'it is not restarted because with --ephemeral it has forgotten its promises'],
  ])('stays dead with %s', async (flag, reason) => {
    const { program } = await fakes(['-n', '2', flag]);
    await program.untilPrinted('ready after');
    const [first, second] = program.fakePids(2);
    process.kill(first!, 'SIGKILL');
    await program.untilPrinted(`server 0 died (SIGKILL); ${reason}`);
    process.kill(second!, 'SIGKILL');
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.stderr).toContain('error: no server runs any more');
    expect(program.fakePids(2)).toEqual([first, second]);
  });
});

describe('refuses to start, with one line and exit code 2,', () => {
  async function refused(program: Program): Promise<string> {
    const { code, stderr } = await program.ended;
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
    return stderr;
  }

  test('when a server refuses', async () => {
    const { program } = await fakes([], { 3: 'refuse', 1: 'mute' });
    expect(await refused(program)).toBe('error: server 3 refuses to start: the moon is full\n');
    expect(program.stdout).not.toContain('ready after');
    expect(program.fakePids(5).filter(isAlive)).toEqual([]);
  });

  test('also when its data is damaged; then the exit code is 5', async () => {
    const { program } = await fakes([], { 3: 'damaged' });
    const { code, stderr } = await program.ended;
    expect([code, stderr]).toEqual([5, 'error: server 3 refuses to start: the journal is cut\n']);
  });

  test('when a port is taken', async () => {
    const port = await findFreePorts(5);
    const other = createServer();
    await new Promise<void>((listening) => other.listen(port + 3, '127.0.0.1', listening));
    const program = startFakes([String(port)]);
    programs.push(program);
    expect(await refused(program)).toContain(`127.0.0.1:${port + 3} is taken`);
    expect(existsSync(join(program.folder, 'data'))).toBe(false);
    expect(program.fakePids(5)).toEqual([]);
    other.close();
  });

  test.each([
    ['{"a": 1}', 'a value must be a string'],
    ['[1, 2', 'it is not JSON'],
  ])('when prepopulate.json is %s', async (text, reason) => {
    const { folder } = (await fakes(['--help'])).program;
    writeFileSync(join(folder, 'prepopulate.json'), text);
    const program = startFakes([String(await findFreePorts(5))], {}, { folder });
    programs.push(program);
    const line = await refused(program);
    expect(line).toContain('prepopulate.json');
    expect(line).toContain(reason);
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });

  test('when the data belongs to another cluster, or a disk was lost', async () => {
    const { program, port } = await fakes();
    await program.untilPrinted('ready after');
    await interrupt(program);
    const home = join(program.folder, 'data', String(port));
    expect(statSync(join(home, 'cluster.json')).mode & 0o777).toBe(0o600);

    const fewer = await refused(again(program, [String(port), '-n', '3']));
    expect(fewer).toContain('has 5 servers, not 3 (--servers 5 fits)');
    expect(fewer).toContain(`remove ${join('data', String(port))} to begin anew`);
    expect(fewer).toContain('another --data folder');

    const same = again(program, [String(port)]);
    await same.untilPrinted('ready after');
    await interrupt(same);

    rmSync(join(home, 'server-2'), { recursive: true });
    expect(await refused(again(program, [String(port)]))).toContain('server 2 has lost the data in');
  });

  test('when cluster.json is damaged or gone', async () => {
    const { program, port } = await fakes(['-n', '1']);
    await program.untilPrinted('ready after');
    await interrupt(program);
    const file = join(program.folder, 'data', String(port), 'cluster.json');
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 40));
    expect(await refused(again(program, [String(port), '-n', '1']))).toContain('is damaged');
    rmSync(file);
    expect(await refused(again(program, [String(port), '-n', '1']))).toContain('no cluster.json');
  });
});

test('a first start that did not get to "ready" can be repeated', async () => {
  const { program, port } = await fakes(['-n', '2'], { 1: 'mute' });
  await waitUntil(
    () => program.fakePids(2).length === 2,
    10_000,
    () => 'not started',
  );
  program.child.kill('SIGKILL');
  await untilGone(program.fakePids(2));
  rmSync(join(program.folder, 'behaviour-1'));
  rmSync(join(program.folder, 'data', String(port), 'server-1'), { recursive: true });
  const second = again(program, [String(port), '-n', '2']);
  await second.untilPrinted('ready after');
});

test('tells its servers everything by arguments, and the token by a variable only', async () => {
  const { program, port } = await fakes([
    '-n',
    '2',
    '-f',
    '--log-level',
    'debug',
    '--allow-host',
    'store.example',
  ]);
  await program.untilPrinted('ready after');
  const argv = readFileSync(join(program.folder, 'arguments-1'), 'utf8').split('\n');
  const value = (flag: string): string | undefined => argv[argv.indexOf(flag) + 1];
  expect(value('--id')).toBe('1');
  expect(value('--servers')).toBe(`127.0.0.1:${port},127.0.0.1:${port + 1}`);
  expect(value('--acceptor-failures')).toBe('0.25');
  expect(value('--log-level')).toBe('debug');
  expect(value('--allow-host')).toBe('store.example');
  expect(value('--data')).toBe(join(program.folder, 'data', String(port), 'server-1'));
  const { token } = JSON.parse(
    readFileSync(join(program.folder, 'data', String(port), 'cluster.json'), 'utf8'),
  ) as { token: string };
  expect(token).toHaveLength(64);
  expect(argv.join('\n')).not.toContain(token);
});

test('--log-format json prints JSON lines only', async () => {
  const { program } = await fakes(['-n', '2', '--log-format', 'json']);
  await program.untilPrinted('ready after');
  await interrupt(program);
  const lines = program.stdout.trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(3);
  const own = lines.map((line) => JSON.parse(line) as object).filter((line) => 'level' in line);
  expect(own.length).toBeGreaterThan(1);
  for (const line of own) expect(Object.keys(line)).toEqual(['ts', 'level', 'msg']);
});

test('waiting servers are named now and then', async () => {
  const { program } = await fakes(['-n', '3'], { 1: 'mute' });
  await program.untilPrinted('waiting for server 1 (3 s)');
});
