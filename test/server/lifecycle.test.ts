import { createServer } from 'node:http';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { StartRefused } from '../../src/server/configuration';
import { startServer } from '../../src/server/server';
import { InProcessCluster, type ClusterOptions } from './helpers/cluster';
import { http, rawConnection } from './helpers/http';
import { waitFor, within } from './helpers/wait';

let cluster: InProcessCluster | undefined;
afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

const prepare = async (options?: ClusterOptions): Promise<InProcessCluster> =>
  (cluster = await InProcessCluster.prepare(options));
const start = async (options?: ClusterOptions): Promise<InProcessCluster> =>
  (cluster = await InProcessCluster.start(options));
const get = (of: InProcessCluster, id: number, path: string): ReturnType<typeof http> =>
  http(of.port(id), { method: 'GET', path });

describe('health', () => {
  test('a server without a quorum lives, is not ready, and says why', async () => {
    const three = await prepare();
    await three.launch(0);
    expect(await get(three, 0, '/livez')).toMatchObject({ status: 200, text: 'ok\n' });
    expect(await get(three, 0, '/readyz')).toMatchObject({ status: 503, text: 'the server is starting\n' });
    expect((await three.call(0, 'kv.get', { key: 'a' })).error).toMatchObject({
      code: -32004,
      message: 'not ready: the server is starting',
      data: { definite: true, retry: true },
    });
    expect((await three.status(0)).ready).toBe(false);
  });

  test('a server whose quorum goes is no longer ready, but lives and answers local reads', async () => {
    const three = await start({ configuration: { operationTimeoutMs: 600 } });
    expect(await get(three, 0, '/readyz')).toMatchObject({ status: 200, text: '3 of 3 servers answer\n' });
    await three.result(0, 'kv.put', { key: 'a', value: 'b' });
    await three.stop(1, 2);
    await waitFor('not ready', async () => (await get(three, 0, '/readyz')).status === 503);
    expect((await get(three, 0, '/readyz')).text).toBe('1 of 3 servers answer; needed: 2 of 3 servers\n');
    expect((await get(three, 0, '/livez')).status).toBe(200);
    expect(await three.result(0, 'kv.get', { key: 'a' })).toMatchObject({ value: 'b' });
    expect((await three.call(0, 'kv.put', { key: 'a', value: 'c' })).error?.data).toEqual({
      name: 'no quorum',
      definite: true,
      retry: true,
    });
    expect((await three.call(0, 'kv.get', { key: 'a', read: 'linearizable' })).error?.code).toBe(-32002);
    await three.launch(1, 2);
    await three.ready(1, 2);
    await waitFor('ready', async () => (await get(three, 0, '/readyz')).status === 200);
    expect(await three.result(0, 'kv.put', { key: 'a', value: 'd' })).toMatchObject({ replaced: true });
    for (const id of three.ids)
      expect(await three.result(id, 'kv.get', { key: 'a', read: 'linearizable' })).toMatchObject({
        value: 'd',
      });
  });
});

describe('stopping', () => {
  test('takes less than 2 s with idle, half-open and busy connections, and frees the port', async () => {
    const three = await start();
    const idle = await rawConnection(three.port(0));
    const halfOpen = await rawConnection(three.port(0));
    halfOpen.write('POST /rpc HTTP/1.1\r\nContent-Length: 100\r\n');
    for (const socket of [idle, halfOpen]) socket.on('error', () => undefined);
    for (const id of three.ids) await three.result(id, 'faults.set', { acceptorFailure: 1 });
    const busy = three.call(0, 'kv.put', { key: 'a', value: 'b' }).catch((error: unknown) => error);
    await waitFor('the write is in progress', async () => (await three.status(0)).pending === 1);
    const startedAt = performance.now();
    await three.stop(0, 1, 2);
    expect(performance.now() - startedAt).toBeLessThan(2000);
    await within(1000, 'the write ends', busy);
    idle.destroy();
    halfOpen.destroy();
    await three.launch(0, 1, 2);
    await three.ready(0, 1, 2);
  });

  test('is at once when nothing is in progress, also without a quorum, and twice is once', async () => {
    const three = await prepare();
    await three.launch(0);
    const startedAt = performance.now();
    await Promise.all([three.server(0).stop(), three.server(0).stop()]);
    expect(performance.now() - startedAt).toBeLessThan(500);
  });

  test.each([0, 1])('leaves no timer behind, also without a quorum (server %i alone)', async (id) => {
    const three = await start();
    await three.stop(0, 1, 2);
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    await three.launch(id);
    await waitFor('it has looked for the others', async () =>
      (await get(three, id, '/readyz')).text.startsWith('too few servers have answered'),
    );
    await three.stop(id);
    // Jest has timers of its own.
    await waitFor('no timers', () => timers() <= before);
  });

  test('a stopped server comes back with its data and its sessions', async () => {
    const one = await start({ servers: 1 });
    const write = { key: 'a', value: 'b', client: 'c', sequence: 1 };
    const first = await one.result(0, 'kv.put', write);
    const { digest, applied } = await one.status(0);
    await one.stop(0);
    await one.launch(0);
    await one.ready(0);
    expect(await one.status(0)).toMatchObject({ digest, applied, entries: 1 });
    expect(await one.result(0, 'kv.put', write)).toEqual(first);
  });
});

describe('a start that must not be', () => {
  const refusal = async (start: Promise<unknown>): Promise<string> => {
    const error: unknown = await start.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(StartRefused);
    return (error as StartRefused).message;
  };

  test('a taken port is named', async () => {
    const one = await prepare({ servers: 1 });
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(one.port(0), '127.0.0.1', resolve));
    const startedAt = performance.now();
    expect(await refusal(startServer(one.configuration(0)))).toBe(
      `cannot listen on 127.0.0.1:${one.port(0)}: the port is taken by another program`,
    );
    expect(performance.now() - startedAt).toBeLessThan(2000);
    await new Promise((resolve) => other.close(resolve));
    // Nothing of the refused start was left open.
    await one.launch(0);
    await one.ready(0);
  });

  test('an address of another machine is named', async () => {
    const one = await prepare({ servers: 1 });
    expect(await refusal(startServer(one.configuration(0, { host: '192.0.2.1' })))).toContain('192.0.2.1');
  });

  test('a data folder that is a file, or not one at all, is named', async () => {
    const one = await prepare({ servers: 1 });
    writeFileSync(one.folder(0), 'a file');
    expect(await refusal(startServer(one.configuration(0)))).toContain(
      `the data folder ${one.folder(0)} cannot be opened`,
    );
  });

  test('a data file that is no data file is refused', async () => {
    const one = await prepare({ servers: 1 });
    mkdirSync(one.folder(0));
    writeFileSync(join(one.folder(0), 'synod.mdb'), Buffer.alloc(64 * 1024, 'x'));
    expect(await refusal(startServer(one.configuration(0)))).toContain(
      'synod.mdb is damaged: it is no data file',
    );
  });

  test.each([
    ['no JSON', '{"a": ', 'it is not JSON'],
    ['a list', '["a"]', 'one object'],
    ['a number', '{"a": 1}', 'a value must be a string'],
    ['a number under __proto__', '{"__proto__": 1}', 'must be a string'],
    ['an empty key', '{"": "a"}', '1 to 1024 bytes'],
    ['a long key', `{"${'k'.repeat(1025)}": "a"}`, '1 to 1024 bytes'],
    ['a lone surrogate', '{"\\ud800": "a"}', 'well-formed'],
  ])('a prepopulate.json with %s is refused by name', async (_, text, says) => {
    const one = await prepare({ servers: 1, initial: {} });
    const file = join(one.root, 'prepopulate.json');
    writeFileSync(file, text);
    const reason = await refusal(startServer(one.configuration(0)));
    expect(reason).toContain(`${file} cannot be used: `);
    expect(reason).toContain(says);
  });

  test('a prepopulate.json that is not there is refused by name', async () => {
    const one = await prepare({ servers: 1 });
    const reason = await refusal(
      startServer(one.configuration(0, { prepopulateFile: join(one.root, 'none.json') })),
    );
    expect(reason).toContain('none.json cannot be used');
  });
});
