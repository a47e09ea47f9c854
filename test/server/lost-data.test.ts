import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { InProcessCluster, type ClusterOptions } from './helpers/cluster';
import { hellos, isGreeted, refusalOf, votes } from './helpers/formation';
import { waitFor } from './helpers/wait';

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
    const newest = join(three.root, 'newest');
    cpSync(three.folder(1), newest, { recursive: true });
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
    // Each start is a new generation. However often it is tried, the folder does not come to be newer than what is known.
    for (let tries = 0; tries < 3; tries++) {
      await three.stop(1);
      await three.launch(1);
      expect(await refusalOf(three, 1)).toContain('its folder was put back to an older state');
    }
    // None of that is held against the very folder that it ran with last.
    await three.stop(1);
    three.wipe(1);
    cpSync(newest, three.folder(1), { recursive: true });
    await three.launch(1);
    await three.ready(1);
    await put(three, 1, 'again');
    await three.equal();
  }, 30_000);

  test('a copy that was made while the server ran is refused once it is some seconds old', async () => {
    const three = await start();
    const kept = join(three.root, 'kept');
    cpSync(three.folder(1), kept, { recursive: true });
    rmSync(join(kept, 'synod.lock'));
    const told = 'type="cluster.hello",kind="answer",direction="received"';
    const before = await hellos(three, 1, told);
    await waitFor(
      'it has told both others of a new generation, perhaps after this one',
      async () => (await hellos(three, 1, told)) >= before + 4,
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
