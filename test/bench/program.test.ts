import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Document } from '../../src/cli/bench/report';
import { Program } from '../cli/program';

async function bench(
  ...argv: string[]
): Promise<{ code: number | null; stdout: string; stderr: string; plot: string }> {
  const program = new Program('bin/bench', argv);
  try {
    const ended = await program.ended;
    const plot = argv.includes('p.svg') ? readFileSync(join(program.folder, 'p.svg'), 'utf8') : '';
    return { ...ended, plot };
  } finally {
    await program.close();
  }
}

test('a short run: one document with what ran, where, and how it went; and a plot', async () => {
  const { code, stdout, plot } = await bench(
    ...['--servers', '1', '--ephemeral', '--clients', '2', '--target', 'all', '--keys', '20', '--json'],
    ...['--duration', '300ms', '--warm-up', '100ms', '--reads', '0.5', '--pipeline', '4', '--plot', 'p.svg'],
    '--thrifty',
  );
  expect(code).toBe(0);
  const document = JSON.parse(stdout) as Document;
  expect(document).toMatchObject({ protocol: 'paxos', durability: 'ephemeral', node: process.version });
  const setup = { protocol: 'paxos', quorums: 'majority, thrifty', durability: 'ephemeral' };
  expect(document.measured).toEqual([{ system: 'synod', version: document.version, servers: 1, setup }]);
  expect(document.rows).toHaveLength(1);
  expect(document.rows[0]).toMatchObject({ clients: 2, keys: 20, target: 'all', errors: 0, lastError: null });
  const { operationsPerSecond, p50Ms, p99Ms, maxMs, serverCpuMsPerOperation } = document.rows[0]!;
  expect(operationsPerSecond).toBeGreaterThan(10);
  expect(p50Ms).toBeGreaterThan(0);
  expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
  expect(maxMs).toBeGreaterThanOrEqual(p99Ms * 0.99);
  expect(serverCpuMsPerOperation).toBeGreaterThan(0);
  expect(plot).toMatch(/^<svg /);
});

test('another system that is not installed is one line and exit code 2', async () => {
  const program = new Program('bin/bench', ['--against', 'etcd'], { env: { PATH: '' } });
  try {
    const { code, stdout, stderr } = await program.ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe('error: etcd is not installed: on Debian, apt-get install etcd-server brings it\n');
  } finally {
    await program.close();
  }
});

test.each([
  [['--against', 'etcd', '--ephemeral'], '--ephemeral and --against do not go together'],
  [['--servers', '127.0.0.1:1', '--ephemeral'], 'not for a running one'],
  [['--servers', '127.0.0.1:1'], '127.0.0.1:1 does not answer'],
  [['--plot', 'p.png'], 'must end in .svg or .html'],
])('%j is refused', async (argv, message) => {
  const { code, stderr } = await bench(...argv);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});

test.each([
  [['--servers', '5,6', '--quorums', '3,3'], 'quorum'],
  [['--lease', '500ms'], 'paxos has none'],
  [['--protocol', 'multi-paxos', '--lease', '2m'], '--lease'],
  [['--protocol', 'multi-paxos', '--lease', '1s', '--max-clock-drift', '0.9'], '--max-clock-drift'],
  [['--servers', '127.0.0.1:1', '--thrifty'], 'for fresh clusters'],
])('options that do not fit are one line and exit code 2: %j', async (options, reason) => {
  const program = new Program('bin/bench', options);
  try {
    const { code, stdout, stderr } = await program.ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trim().split('\n')[0]).toContain(reason);
  } finally {
    await program.close();
  }
});
