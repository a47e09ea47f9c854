import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { StartRefused, type ServerConfiguration } from '../../src/server/configuration';
import { startServer } from '../../src/server/server';
import { InProcessCluster, type ClusterOptions } from './helpers/cluster';
import { hellos, isGreeted, refusalOf } from './helpers/formation';
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
const put = (of: InProcessCluster, id: number, key: string): Promise<unknown> =>
  of.result(id, 'kv.put', { key, value: key });

describe('whose data it is', () => {
  test.each<[string, Partial<ServerConfiguration>, string]>([
    ['another cluster', { cluster: 'other' }, 'the data folder belongs to cluster synod, not other'],
    [
      'another list of servers',
      { servers: [{ host: 'localhost', port: 1 }] },
      'the data folder belongs to members 127.0.0.1:',
    ],
  ])('data of %s is refused with a sentence', async (_, changes, says) => {
    const one = await start({ servers: 1 });
    await one.stop(0);
    const servers = changes.servers?.map((address) => ({ ...address, port: one.port(0) }));
    const refused = one.launchAs(0, { ...changes, ...(servers !== undefined && { servers }) });
    await expect(refused).rejects.toThrow(StartRefused);
    await expect(refused).rejects.toThrow(says);
    // The data is as it was.
    await one.launch(0);
    await one.ready(0);
  });

  test('data of another server is refused with a sentence', async () => {
    const three = await start();
    await three.stop(0, 1, 2);
    await expect(three.launchAs(1, { dataFolder: three.folder(0) })).rejects.toThrow(
      'the data folder belongs to id 0, not 1',
    );
  });

  test('the other identities do not change with the order of members', async () => {
    const three = await start();
    await three.stop(0, 1, 2);
    const { servers } = three.configuration(0);
    await expect(three.launchAs(0, { id: 2, servers: [...servers].reverse() })).rejects.toThrow(
      'the data folder belongs to',
    );
  });
});

describe('the initial store', () => {
  const initial = { a: '1', b: '2' };

  test('servers with different initial stores refuse each other by name, before they serve', async () => {
    const three = await prepare({ initial });
    const other = join(three.root, 'other.json');
    writeFileSync(other, JSON.stringify({ a: '1', b: 'other' }));
    await three.launch(0, 1);
    await three.launchAs(2, { prepopulateFile: other });
    const reason = await refusalOf(three, 2);
    expect(reason).toContain('started from another initial store');
    expect(reason).toContain('prepopulate.json');
    for (const id of three.ids)
      expect((await three.call(id, 'kv.get', { key: 'a' })).error?.code).toBe(-32004);
  });

  test('after the first start prepopulate.json does not matter any more', async () => {
    const three = await start({ initial });
    await put(three, 0, 'c');
    await three.stop(0, 1, 2);
    writeFileSync(join(three.root, 'prepopulate.json'), '{"z": "0"}');
    await three.launch(0, 1, 2);
    await three.ready(0, 1, 2);
    expect(await three.result(0, 'kv.list', { read: 'linearizable' })).toMatchObject({
      entries: [
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
        { key: 'c', value: 'c' },
      ],
    });
  });

  test('a first start that did not get far enough to keep the store refuses another one', async () => {
    const three = await prepare({ initial });
    await three.launch(0);
    await three.stop(0);
    writeFileSync(join(three.root, 'prepopulate.json'), '{"z": "0"}');
    await expect(three.launch(0)).rejects.toThrow('prepopulate.json has changed since the first start');
  });

  test('a newcomer with another initial store cannot bring down those that were there before', async () => {
    const three = await start({ initial });
    await three.stop(0, 1, 2);
    three.wipe(2);
    const other = join(three.root, 'other.json');
    writeFileSync(other, '{}');
    await three.launchAs(2, { prepopulateFile: other });
    await three.launch(0, 1);
    expect(await refusalOf(three, 2)).toContain('server');
    await three.stop(2);
    await three.ready(0, 1);
    await put(three, 0, 'c');
    const failed = await Promise.race([three.server(0).failed, three.server(1).failed, put(three, 1, 'd')]);
    expect(failed).not.toBeInstanceOf(Error);
  });
});

describe('strangers', () => {
  test('a server with another token is let in by nobody', async () => {
    const three = await prepare();
    await three.launch(0, 1);
    const stranger = await three.launchAs(2, { token: 'another token, also long enough' });
    const tries = 'type="cluster.hello",kind="request",direction="sent"';
    await waitFor('it has tried both again', async () => (await hellos(three, 2, tries)) >= 4);
    expect(await isGreeted(three, 2)).toBe(false);
    expect((await three.call(2, 'kv.get', { key: 'a' })).error?.code).toBe(-32004);
    await stranger.stop();
    // Its tries left no trace: the true server 2 is still a stranger to nobody.
    await three.launch(2);
    await three.ready(0, 1, 2);
  });

  test('one server alone is a cluster', async () => {
    const one = await start({ servers: 1 });
    await put(one, 0, 'a');
    expect(await one.result(0, 'kv.get', { key: 'a', read: 'linearizable' })).toMatchObject({ value: 'a' });
  });

  test('one server alone that is wiped is a new cluster: there is nobody who remembers', async () => {
    const one = await start({ servers: 1 });
    await put(one, 0, 'a');
    await one.stop(0);
    one.wipe(0);
    const server = await startServer(one.configuration(0));
    await within(5000, 'ready', server.ready);
    expect(await one.result(0, 'kv.get', { key: 'a' })).toMatchObject({ found: false });
    await server.stop();
  });
});
