import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { API_ERRORS } from '../../src/api/errors';
import { main } from '../../src/cli/client';
import { MixedRequests } from '../../src/cli/client/mixed-requests';
import { SeededRandom } from '../../src/core/random';
import type { History, Request } from '../../src/history/history';
import { parseHistory } from '../../src/history/json-lines';
import { judge } from '../../src/history/judge';
import { Program } from '../cli/program';
import { waitUntil } from '../e2e/helpers/wait';
import { closedAddress, healthyStore } from './fake-server';
import { serverThat, stopAll } from './harness';

let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'synod-bench-'));
  file = join(folder, 'history.jsonl');
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await stopAll();
});

/** A terminal that keeps what is shown on it. */
class Screen extends PassThrough {
  readonly isTTY: boolean;
  text = '';

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
    this.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
  }
}

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(argv: readonly string[], { isTTY = false } = {}): Promise<Ran> {
  const [stdin, stdout, stderr] = [new PassThrough(), new Screen(), new Screen(isTTY)];
  const exitCode = await main(argv, { stdin, stdout, stderr });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

function recorded(): History {
  return parseHistory(readFileSync(file, 'utf8'));
}

test('bench works for its time, shows progress, and records all of it', async () => {
  const server = await serverThat(healthyStore());
  const argv = ['--servers', server.address, 'bench', '--duration', '300ms', '--clients', '3', '--keys', '4'];
  const { exitCode, stdout, stderr } = await run([...argv, '--history', file], { isTTY: true });
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^\d+ operations per second for \d+\.\d s, p50 \d+\.\d ms, p99 \d+\.\d ms\n/);
  expect(stderr).toMatch(/\d\.\d s of 0\.3 s: \d+ ok, 0 failed, 0 unknown/);
  const { initial, operations } = recorded();
  expect(initial).toBe('absent');
  const ok = operations.filter(({ outcome }) => outcome === 'ok');
  expect(stdout).toContain(`\n${ok.length} ok, 0 failed, 0 unknown\n`);
  expect(ok).toHaveLength(operations.length);
  expect(new Set(ok.map(({ client }) => client)).size).toBe(3);
  expect(new Set(ok.map((each) => each.server))).toEqual(new Set([server.address]));
  expect(judge({ initial, operations })).toMatchObject({ kind: 'linearizable', checked: ok.length });
});

test('its requests are of every kind and level, mostly on the first keys, and no value is written twice', () => {
  const mixture = { prefix: 'p/', keys: 5, reads: 0.5, readLevels: ['local', 'linearizable'] as const };
  const requests = new MixedRequests('c', mixture, new SeededRandom(1));
  const drawn = Array.from({ length: 500 }, () => {
    const request = requests.next();
    requests.saw(request, request.op === 'compareAndSet' ? { swapped: true } : { value: 'seen' });
    return request;
  });
  const share = (matches: (request: Request) => boolean): number => drawn.filter(matches).length / 500;
  for (const op of ['put', 'delete', 'compareAndSet', 'list'])
    expect(share((request) => request.op === op)).toBeGreaterThan(0.02);
  expect(share(({ op }) => op === 'get' || op === 'list')).toBeCloseTo(0.5, 1);
  for (const level of mixture.readLevels)
    expect(share((request) => 'read' in request && request.read === level)).toBeCloseTo(0.25, 1);
  const onKey = (key: string): number => share((request) => 'key' in request && request.key === key);
  expect(onKey('p/0')).toBeGreaterThan(2 * onKey('p/4'));
  expect(onKey('p/4')).toBeGreaterThan(0);
  const values = drawn.flatMap((request) => ('value' in request ? (request.value ?? []) : []));
  expect(new Set(values).size).toBe(values.length);
  const expected = drawn.flatMap((request) => (request.op === 'compareAndSet' ? [request.expect] : []));
  expect(expected).toContain('seen');
});

test('the record of a bench shows a store that answers reads wrongly', async () => {
  const store = healthyStore();
  const server = await serverThat((call) =>
    call.method === 'kv.get' ? { result: { found: false, applied: 0 } } : store(call),
  );
  const argv = ['bench', '--duration', '1s', '--read', 'linearizable', '--history', file];
  expect((await run(['--servers', server.address, ...argv])).exitCode).toBe(0);
  expect(judge(recorded()).kind).toBe('violation');
});

test('bench counts what failed and what is unknown; its exit code is the gravest', async () => {
  const store = healthyStore();
  const failing = async (error: (typeof API_ERRORS)['unauthorized' | 'staleSequence']): Promise<Ran> => {
    const server = await serverThat((call) => (call.method === 'kv.delete' ? { error } : store(call)));
    const argv = ['--servers', server.address, 'bench', '--duration', '150ms', '--json'];
    return await run([...argv, '--history', file, '--reads', '0']);
  };
  const failed = await failing(API_ERRORS.unauthorized);
  expect(failed.exitCode).toBe(1);
  expect(JSON.parse(failed.stdout)).toMatchObject({ command: 'bench', result: { unknown: 0 } });
  const { exitCode, stdout } = await failing(API_ERRORS.staleSequence);
  expect(exitCode).toBe(7);
  const { result } = JSON.parse(stdout) as { result: { ok: number; failed: number; unknown: number } };
  expect(result.unknown).toBeGreaterThan(0);
  const count = (outcome: string): number =>
    recorded().operations.filter((each) => each.outcome === outcome).length;
  expect(result).toMatchObject({ ok: count('ok'), failed: count('fail'), unknown: count('unknown') });
});

test('demo records its fifteen operations, of keys that may have been there before', async () => {
  const server = await serverThat(healthyStore());
  expect((await run(['--servers', server.address, 'demo', '--history', file])).exitCode).toBe(0);
  const history = recorded();
  expect(history.initial).toBe('unknown');
  expect(history.operations.map(({ request }) => request.op).join(' ')).toBe(
    ['put', 'get', 'delete'].flatMap((op) => [op, op, op, op, op]).join(' '),
  );
  expect(judge(history)).toMatchObject({ kind: 'linearizable', checked: 15 });
});

test('demo records a failed and an unknown operation as such', async () => {
  const store = healthyStore();
  const server = await serverThat((call) => {
    if (call.method === 'kv.get') return { error: API_ERRORS.unauthorized };
    return call.method === 'kv.delete' ? { error: API_ERRORS.staleSequence } : store(call);
  });
  const argv = ['--servers', server.address, 'demo', '--history', file];
  expect((await run(argv)).exitCode).toBe(1);
  expect(recorded().operations.map(({ outcome }) => outcome)).toEqual(
    ['ok', 'fail', 'unknown'].flatMap((outcome) => Array<string>(5).fill(outcome)),
  );
});

test('without a cluster, or with a file that cannot be written, bench says so', async () => {
  const argv = ['--servers', await closedAddress(), '--timeout', '100ms', 'bench', '--history', file];
  expect(await run(argv)).toMatchObject({ exitCode: 4, stdout: '' });
  const server = await serverThat(healthyStore());
  const elsewhere = ['--servers', server.address, 'bench', '--duration', '100ms', '--history'];
  const { exitCode, stderr } = await run([...elsewhere, join(folder, 'nowhere', 'file')]);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^error: the history cannot be written: ENOENT/);
  if (!existsSync('/dev/full')) return;
  const full = await run([...elsewhere, '/dev/full']);
  expect(full.exitCode).toBe(1);
  expect(full.stderr).toContain('the history is not complete: ENOSPC');
});

test.each(['SIGINT', 'SIGKILL'] as const)('%s in the middle of a bench leaves a history', async (signal) => {
  const server = await serverThat(healthyStore());
  const argv = ['--servers', server.address, 'bench', '--duration', '60s', '--history', file];
  const program = new Program('bin/client', argv);
  try {
    const lines = (): number => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length : 0);
    await waitUntil(
      () => lines() > 200,
      20_000,
      () => `${lines()} lines`,
    );
    program.child.kill(signal);
    const { code, stdout } = await program.ended;
    expect(code).toBe(signal === 'SIGINT' ? 130 : null);
    const history = recorded();
    const open = history.operations.filter(({ outcome }) => outcome === 'unknown').length;
    if (signal === 'SIGINT') expect(open).toBe(0);
    else expect(open).toBeLessThanOrEqual(8);
    if (signal === 'SIGINT') expect(stdout).toContain(` ${open} unknown`);
    expect(judge(history)).toMatchObject({ kind: 'linearizable' });
  } finally {
    await program.close();
  }
});
