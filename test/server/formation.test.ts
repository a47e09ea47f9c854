import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { StartRefused, type ServerConfiguration } from '../../src/server/configuration';
import { agreementOf } from '../../src/server/agreement';
import { startServer } from '../../src/server/server';
import { InProcessCluster, type ClusterOptions } from './helpers/cluster';
import { nextMessage, peerSocket } from './helpers/peer-socket';
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

/** The reason why the cluster does not let this server in. */
async function refusalOf(of: InProcessCluster, id: number): Promise<string> {
  const failure = await within(8000, `server ${id} is refused`, of.server(id).failed);
  expect(failure).toBeInstanceOf(StartRefused);
  return failure.message;
}

/** Whether a peer has answered a hello of this server: one that welcomes it has recorded its disk by then. */
async function isGreeted(of: InProcessCluster, id: number): Promise<boolean> {
  return (await hellos(of, id, 'type="cluster.hello",kind="answer",direction="received"')) > 0;
}

async function hellos(of: InProcessCluster, id: number, labels: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${of.port(id)}/metrics`)).text();
  return Number(new RegExp(`^synod_messages_total\\{${labels}\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

/** Whether the server answers peers' prepares: only one that votes does. */
async function votes(of: InProcessCluster, id: number): Promise<boolean> {
  const caller = (id + 1) % of.ids.length;
  const { cluster, token } = of.configuration(id);
  const credentials = { self: caller, cluster, token, agreement: agreementOf(of.configuration(id)) };
  const socket = await peerSocket(of.port(id), credentials, { callee: id });
  const answer = nextMessage(socket);
  const params = { slot: 1, ballot: { round: 1, server: caller } };
  socket.send(JSON.stringify([{ jsonrpc: '2.0', id: 1, method: 'acceptor.prepare', params }]));
  const answers = (await within(5000, 'an answer', answer)) as unknown[];
  socket.terminate();
  return answers.length > 0;
}

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

describe('lost data', () => {
  test('a server whose data was wiped is refused and never votes; the others go on', async () => {
    const three = await start();
    await put(three, 0, 'before');
    expect(await votes(three, 1)).toBe(true);
    await three.stop(1);
    three.wipe(1);
    await three.launch(1);
    let hasVoted = false;
    const refused = refusalOf(three, 1);
    while (
      !(await Promise.race([
        refused.then(() => true),
        votes(three, 1).then((v) => ((hasVoted ||= v), false)),
      ]))
    );
    expect(await refused).toMatch(/knows server 1 by other data: its data was lost or replaced/);
    expect([hasVoted, await votes(three, 1)]).toEqual([false, false]);
    expect((await three.call(1, 'kv.get', { key: 'before' })).error?.code).toBe(-32004);
    expect((await three.call(1, 'kv.put', { key: 'a', value: 'b' })).error?.code).toBe(-32004);
    await put(three, 0, 'during');
    await three.stop(1);
    await put(three, 2, 'after');
    await three.equal([0, 2]);
  });

  test('data that is brought back is welcome again', async () => {
    const three = await start();
    await three.stop(1);
    cpSync(three.folder(1), join(three.root, 'kept'), { recursive: true });
    three.wipe(1);
    await three.launch(1);
    await refusalOf(three, 1);
    await three.stop(1);
    three.wipe(1);
    cpSync(join(three.root, 'kept'), three.folder(1), { recursive: true });
    await three.launch(1);
    await three.ready(1);
    await put(three, 1, 'again');
    await three.equal();
  });

  test('data that is put back to an older state is refused, before it votes, whoever was restarted since', async () => {
    const three = await start();
    const kept = join(three.root, 'kept');
    await three.stop(1);
    cpSync(three.folder(1), kept, { recursive: true });
    await three.launch(1);
    await three.ready(1);
    await put(three, 1, 'since');
    await three.stop(0, 1, 2);
    await three.launch(0, 2);
    await three.ready(0, 2);
    three.wipe(1);
    cpSync(kept, three.folder(1), { recursive: true });
    await three.launch(1);
    let hasVoted = false;
    const refused = refusalOf(three, 1);
    while (
      !(await Promise.race([
        refused.then(() => true),
        votes(three, 1).then((v) => ((hasVoted ||= v), false)),
      ]))
    );
    expect(hasVoted).toBe(false);
    expect(await refused).toMatch(
      /server [02] knows newer data of server 1 .* put back to an older state.* never with a copy from earlier/,
    );
    await put(three, 0, 'after');
    await three.equal([0, 2]);
  });

  test('a copy that was made while the server ran is refused once it is some seconds old', async () => {
    const three = await start();
    const kept = join(three.root, 'kept');
    cpSync(three.folder(1), kept, { recursive: true });
    rmSync(join(kept, 'synod.lock'));
    const told = 'type="cluster.hello",kind="answer",direction="received"';
    const before = await hellos(three, 1, told);
    await waitFor(
      'it has told both others of a new generation',
      async () => (await hellos(three, 1, told)) >= before + 2,
      30_000,
    );
    await three.stop(1);
    three.wipe(1);
    cpSync(kept, three.folder(1), { recursive: true });
    await three.launch(1);
    expect(await refusalOf(three, 1)).toContain('its folder was put back to an older state');
  }, 40_000);

  test('two wiped at once cannot outvote the memory of the third', async () => {
    const three = await start();
    await put(three, 0, 'precious');
    await three.equal();
    await three.stop(0, 1, 2);
    three.wipe(0, 1);
    await three.launch(0, 1);
    // Without the third nobody can tell: they wait.
    await waitFor('they met', async () => (await three.status(0)).peers.some((peer) => peer.reachable));
    expect([await votes(three, 0), await votes(three, 1)]).toEqual([false, false]);
    await three.launch(2);
    for (const id of [0, 1])
      expect(await refusalOf(three, id)).toContain(`server 2 knows server ${id} by other data`);
    expect([await votes(three, 0), await votes(three, 1)]).toEqual([false, false]);
    expect(await three.result(2, 'cluster.status', {})).toMatchObject({ entries: 1 });
  });

  test('a disk that was replaced while the cluster formed is refused too', async () => {
    const three = await prepare();
    await three.launch(0, 1);
    // That server 0 reaches server 1 is not enough: server 0 knows the disk only from server 1's own hello.
    await waitFor('server 0 knows the disk', () => isGreeted(three, 1));
    await three.stop(1);
    three.wipe(1);
    await three.launch(1);
    expect(await refusalOf(three, 1)).toContain('server 0 knows server 1 by other data');
    rmSync(three.folder(1), { recursive: true });
  });

  test('an admitted server starts again with a majority, and shows nothing before: it could be less than once', async () => {
    const three = await start();
    await put(three, 0, 'a');
    await three.equal();
    await three.stop(0, 1, 2);
    await three.launch(1);
    await waitFor('it has looked for the others', async () => {
      const { error } = await three.call(1, 'kv.get', { key: 'a' });
      return error?.message === 'not ready: too few servers have answered since the start';
    });
    await three.launch(2);
    await three.ready(1, 2);
    expect(await three.result(1, 'kv.get', { key: 'a' })).toMatchObject({ value: 'a' });
    await put(three, 1, 'b');
  });

  test('a new server waits for all others before it votes', async () => {
    const three = await prepare();
    await three.launch(0, 1);
    await waitFor('they met', async () => (await three.status(0)).peers.some((peer) => peer.reachable));
    expect((await three.call(0, 'kv.put', { key: 'a', value: 'b' })).error?.code).toBe(-32004);
    expect([await votes(three, 0), await votes(three, 1)]).toEqual([false, false]);
    await three.launch(2);
    await three.ready(0, 1, 2);
    expect(await votes(three, 0)).toBe(true);
  });

  test('a server that kept all in memory cannot come back', async () => {
    const three = await start({ ephemeral: true });
    expect((await three.status(1)).storage).toBe('ephemeral');
    await put(three, 0, 'a');
    await three.stop(1);
    await three.launch(1);
    expect(await refusalOf(three, 1)).toContain('knows server 1 by other data');
    await put(three, 0, 'b');
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
