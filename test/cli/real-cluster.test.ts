import { expect, jest, test } from '@jest/globals';
import { createServer } from 'node:net';
import { findFreePorts } from '../../src/cli/supervisor/ports';
import { callRpc } from '../e2e/helpers/rpc';
import { startCluster } from '../e2e/helpers/cluster';
import { Program, runProgram } from './program';

// Not a wait, but where a test that hangs ends: starting many processes takes its time on a busy machine.
jest.setTimeout(90_000);

test('five real servers: ready, a write, Ctrl-C to the whole group as a terminal sends it, and again with its data', async () => {
  const port = await findFreePorts(5);
  const first = new Program('bin/start-servers', [String(port)], { ownGroup: true });
  try {
    await first.untilPrinted('ready after', 40_000);
    await callRpc(`http://127.0.0.1:${port + 3}/rpc`, 'kv.put', { key: 'name', value: 'ada' });
    const begin = performance.now();
    process.kill(-first.child.pid!, 'SIGINT');
    expect(await first.ended).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout.match(/^server \d \| .* stopped$/gm)).toHaveLength(5);
    expect(performance.now() - begin).toBeLessThan(2400);

    const second = new Program('bin/start-servers', [String(port)], { folder: first.folder });
    await second.untilPrinted('ready after', 40_000);
    const result = await callRpc(`http://127.0.0.1:${port}/rpc`, 'kv.get', {
      key: 'name',
      read: 'linearizable',
    });
    expect(result).toMatchObject({ found: true, value: 'ada' });
    second.child.kill('SIGTERM');
    expect(await second.ended).toMatchObject({ code: 0, stderr: '' });
  } finally {
    await first.close();
  }
});

test('the demo shows fifteen operations and five equal stores, and leaves nothing behind', async () => {
  const { code, stdout, stderr } = await runProgram('bin/demo', []);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  for (const operation of ['PUT', 'GET', 'DELETE']) {
    expect(stdout.match(new RegExp(`^ok  ${operation} .* ms$`, 'gm'))).toHaveLength(5);
  }
  const rows = [...stdout.matchAll(/^(\d) +(\d+) +(\d+) +([0-9a-f]+)$/gm)].map((match) => match.slice(1));
  expect(rows.map(([id]) => id)).toEqual(['0', '1', '2', '3', '4']);
  expect(new Set(rows.map((row) => row.slice(1).join(' '))).size).toBe(1);
  expect(stdout).toContain('All five stores are equal');
});

test('a server on its own refuses a taken port with one line and exit code 2', async () => {
  const port = await findFreePorts(1);
  const other = createServer();
  await new Promise<void>((listening) => other.listen(port, '127.0.0.1', listening));
  const argv = ['--id', '0', '--servers', `127.0.0.1:${port}`, '--ephemeral'];
  const { code, stderr } = await runProgram('bin/server', argv, { env: { SYNOD_TOKEN: 'x'.repeat(32) } });
  other.close();
  expect(stderr).toMatch(/^error: .*\n$/);
  expect(stderr).toContain(String(port));
  expect(code).toBe(2);
});

test('the helper of the end-to-end tests: kill, pause, restart, equal stores, and nothing left', async () => {
  const cluster = await startCluster({ servers: 3, prepopulate: { a: '1' } });
  try {
    await cluster.kill9(2);
    expect(cluster.isRunning(2)).toBe(false);
    await cluster.rpc(0, 'kv.put', { key: 'b', value: '2' });
    cluster.pause(1);
    await expect(cluster.rpc(1, 'kv.get', { key: 'b' }, 300)).rejects.toThrow('timeout');
    cluster.resume(1);
    await cluster.restart(2);
    const digest = await cluster.waitEqual();
    expect((await cluster.status(2)).digest).toBe(digest);
    expect(await cluster.rpc(2, 'kv.get', { key: 'b' })).toMatchObject({ found: true, value: '2' });
    await expect(cluster.rpc(2, 'kv.get', { key: '' })).rejects.toMatchObject({ code: -32602 });
    expect(cluster.logs(2).filter((line) => line.includes('ready'))).toHaveLength(2);
    const [exit] = await cluster.stop(0);
    expect(exit).toMatchObject({ code: 0 });
    await expect(cluster.waitUntil('a miracle', () => false, 50)).rejects.toThrow(
      'a miracle: not within 50 ms',
    );
  } finally {
    await cluster.close();
  }
  expect(cluster.ids.filter((id) => cluster.isRunning(id))).toEqual([]);
});

test('Ctrl-C ends a measurement at once, and its servers with it', async () => {
  const bench = new Program('bin/bench', ['--clients', '2', '--duration', '60s'], { ownGroup: true });
  try {
    await bench.untilPrinted('closed loop', 40_000);
    const begin = performance.now();
    process.kill(-bench.child.pid!, 'SIGINT');
    expect(await bench.ended).toMatchObject({ code: 130 });
    expect(performance.now() - begin).toBeLessThan(4000);
    // The group is that of the servers too: nobody is left in it.
    expect(() => process.kill(-bench.child.pid!, 0)).toThrow('ESRCH');
  } finally {
    await bench.close();
  }
});
