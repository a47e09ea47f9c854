import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ApiResult } from '../../src/api/methods';
import { InProcessCluster } from './helpers/cluster';
import { waitFor } from './helpers/wait';

let cluster: InProcessCluster;
beforeAll(async () => {
  cluster = await InProcessCluster.start({ initial: { apple: 'red', 'a/b': '', constructor: 'x' } });
});
afterAll(() => cluster.close());

const anyNumber = expect.any(Number) as unknown as number;

describe('the methods of the client API, through three servers', () => {
  test('the store starts with the prepopulated entries, on every server', async () => {
    for (const id of cluster.ids) {
      expect(await cluster.result(id, 'kv.get', { key: 'apple' })).toMatchObject({
        found: true,
        value: 'red',
      });
      expect(await cluster.result(id, 'kv.list', {})).toMatchObject({
        entries: [
          { key: 'a/b', value: '' },
          { key: 'apple', value: 'red' },
          { key: 'constructor', value: 'x' },
        ],
        more: false,
      });
    }
  });

  test('results have exactly the fields that are promised', async () => {
    expect(await cluster.result(0, 'kv.put', { key: 'k', value: '1' })).toEqual({
      replaced: false,
      slot: anyNumber,
    });
    expect(await cluster.result(1, 'kv.put', { key: 'k', value: '2' })).toEqual({
      replaced: true,
      slot: anyNumber,
    });
    expect(await cluster.result(2, 'kv.compareAndSet', { key: 'k', expect: '1', value: '3' })).toEqual({
      swapped: false,
      actual: '2',
      slot: anyNumber,
    });
    expect(await cluster.result(0, 'kv.compareAndSet', { key: 'k', expect: '2', value: '3' })).toEqual({
      swapped: true,
      actual: '2',
      slot: anyNumber,
    });
    expect(await cluster.result(1, 'kv.get', { key: 'k', read: 'linearizable' })).toEqual({
      found: true,
      value: '3',
      applied: anyNumber,
    });
    expect(await cluster.result(1, 'kv.delete', { key: 'k' })).toEqual({ deleted: true, slot: anyNumber });
    expect(await cluster.result(2, 'kv.delete', { key: 'k' })).toEqual({ deleted: false, slot: anyNumber });
    expect(await cluster.result(2, 'kv.get', { key: 'k', read: 'linearizable' })).toEqual({
      found: false,
      applied: anyNumber,
    });
    expect(await cluster.result(0, 'kv.compareAndSet', { key: 'k', expect: null, value: null })).toEqual({
      swapped: true,
      actual: null,
      slot: anyNumber,
    });
  });

  test('a linearizable read sees every answered write, at any server', async () => {
    for (let round = 0; round < 8; round++) {
      const value = String(round);
      const { slot } = await cluster.result<{ slot: number }>(round % 3, 'kv.put', { key: 'fresh', value });
      for (const id of cluster.ids) {
        const read = await cluster.result<ApiResult<'kv.get'>>(id, 'kv.get', {
          key: 'fresh',
          read: 'linearizable',
        });
        expect(read.value).toBe(value);
        expect(read.applied).toBeGreaterThanOrEqual(slot);
        const list = await cluster.result(id, 'kv.list', { prefix: 'fresh', read: 'linearizable' });
        expect(list).toMatchObject({ entries: [{ key: 'fresh', value }] });
      }
    }
  });

  test('a local read comes round to every answered write', async () => {
    const { slot } = await cluster.result<{ slot: number }>(0, 'kv.put', { key: 'soon', value: 'there' });
    for (const id of cluster.ids) {
      await waitFor('the write arrives', async () => {
        const read = await cluster.result<ApiResult<'kv.get'>>(id, 'kv.get', { key: 'soon' });
        expect(read.found).toBe(read.applied >= slot);
        return read.value === 'there';
      });
    }
  });

  test('a write that is sent again gives its first result and changes nothing, at any server', async () => {
    const session = { client: 'ada', sequence: 1 };
    const write = { key: 'once', value: 'mine', ...session };
    const first = await cluster.result<{ slot: number }>(0, 'kv.put', write);
    expect(first).toMatchObject({ replaced: false });
    await cluster.result(0, 'kv.put', { key: 'once', value: 'of another' });
    for (const id of cluster.ids) expect(await cluster.result(id, 'kv.put', write)).toEqual(first);
    // Sent to all at once, before any of them can know.
    const cas = { key: 'counter', expect: null, value: '1', client: 'ada', sequence: 2 };
    const results = await Promise.all(cluster.ids.map((id) => cluster.result(id, 'kv.compareAndSet', cas)));
    for (const result of results) expect(result).toEqual(results[0]);
    expect(results[0]).toMatchObject({ swapped: true, actual: null });
    expect(await cluster.result(1, 'kv.get', { key: 'once', read: 'linearizable' })).toMatchObject({
      value: 'of another',
    });
    const remove = { key: 'once', client: 'ada', sequence: 3 };
    expect(await cluster.result(2, 'kv.delete', remove)).toMatchObject({ deleted: true });
    expect(await cluster.result(0, 'kv.delete', remove)).toMatchObject({ deleted: true });
  });

  test('a sequence that lies far behind is stale', async () => {
    await cluster.result(0, 'kv.put', { key: 's', value: '1', client: 'bob', sequence: 100 });
    const old = { key: 's', value: '2', client: 'bob', sequence: 36 };
    expect((await cluster.call(1, 'kv.put', old)).error).toMatchObject({
      code: -32008,
      data: { name: 'stale sequence', definite: false, retry: false },
    });
    expect(await cluster.result(1, 'kv.get', { key: 's', read: 'linearizable' })).toMatchObject({
      value: '1',
    });
    expect(await cluster.result(1, 'kv.put', { ...old, sequence: 37 })).toMatchObject({ replaced: true });
  });

  test('lists go on where the last one ended', async () => {
    for (let i = 0; i < 12; i++)
      await cluster.result(i % 3, 'kv.put', { key: `page/${String(i).padStart(2, '0')}`, value: String(i) });
    const keys: string[] = [];
    let after: string | undefined;
    for (let more = true; more;) {
      const page: ApiResult<'kv.list'> = await cluster.result(1, 'kv.list', {
        prefix: 'page/',
        limit: 5,
        read: 'linearizable',
        ...(after !== undefined && { after }),
      });
      keys.push(...page.entries.map(({ key }) => key));
      after = keys.at(-1);
      more = page.more;
    }
    expect(keys).toEqual(Array.from({ length: 12 }, (_, i) => `page/${String(i).padStart(2, '0')}`));
  });

  test('a list of large values stops early and says that there is more', async () => {
    const value = 'x'.repeat(1024 * 1024);
    for (const key of ['large/1', 'large/2']) await cluster.result(0, 'kv.put', { key, value });
    const page = await cluster.result<ApiResult<'kv.list'>>(0, 'kv.list', { prefix: 'large/' });
    expect([page.entries.length, page.more]).toEqual([1, true]);
    for (const key of ['large/1', 'large/2']) await cluster.result(0, 'kv.delete', { key });
  });
});

describe('the state of the cluster', () => {
  test('every server reports itself, its peers and an equal store', async () => {
    await cluster.equal();
    for (const id of cluster.ids) {
      // A server whose event loop was blocked lately says for a while that it is not ready.
      await waitFor(`server ${id} is ready`, async () => (await cluster.status(id)).ready);
      const status = await cluster.status(id);
      expect(status).toEqual({
        id,
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        leader: null,
        protocol: 'paxos',
        cluster: 'synod',
        ready: true,
        members: cluster.ids.map((member) => ({ id: member, address: `127.0.0.1:${cluster.port(member)}` })),
        peers: cluster.ids
          .filter((member) => member !== id)
          .map((member) => ({
            id: member,
            address: `127.0.0.1:${cluster.port(member)}`,
            reachable: true,
            roundTripMs: anyNumber,
            lastAnswerMs: anyNumber,
          })),
        quorums: {
          system: 'majority',
          thrifty: false,
          phase1: '2 of 3 servers',
          phase2: '2 of 3 servers',
          survives: { phase1: 1, phase2: 1, disks: 1 },
        },
        lease: null,
        applied: anyNumber,
        highestChosen: status.applied,
        floor: 1,
        entries: anyNumber,
        digest: expect.stringMatching(/^[0-9a-f]{16}$/),
        pending: 0,
        acceptorFailure: 0,
        unansweredAcceptorCalls: 0,
        sessions: { epoch: 0, clients: anyNumber },
        storage: 'durable',
        uptimeMs: anyNumber,
      });
    }
  });

  test('with a quarter of the acceptor calls unanswered every operation still succeeds', async () => {
    for (const id of cluster.ids)
      expect(await cluster.result(id, 'faults.set', { acceptorFailure: 0.25 })).toEqual({
        acceptorFailure: 0.25,
      });
    expect(await cluster.result(1, 'faults.get')).toEqual({ acceptorFailure: 0.25 });
    await Promise.all(
      cluster.ids.map(async (id) => {
        for (let i = 0; i < 25; i++) {
          const key = `faulty/${id}/${i}`;
          expect(await cluster.result(id, 'kv.put', { key, value: key })).toMatchObject({ replaced: false });
          expect(await cluster.result(id, 'kv.get', { key, read: 'linearizable' })).toMatchObject({
            value: key,
          });
        }
      }),
    );
    const unanswered = (await cluster.status(0)).unansweredAcceptorCalls;
    expect(unanswered).toBeGreaterThan(0);
    for (const id of cluster.ids) await cluster.result(id, 'faults.set', { acceptorFailure: 0 });
    await cluster.equal();
    const { entries, more } = await cluster.result<ApiResult<'kv.list'>>(2, 'kv.list', {
      prefix: 'faulty/',
      limit: 100,
    });
    expect([entries.length, more]).toEqual([75, false]);
    expect((await cluster.status(0)).unansweredAcceptorCalls).toBeGreaterThanOrEqual(unanswered);
  });

  test('a fault setting is of one server only', async () => {
    await cluster.result(0, 'faults.set', { acceptorFailure: 0.5 });
    expect(await cluster.result(1, 'faults.get')).toEqual({ acceptorFailure: 0 });
    expect((await cluster.status(0)).acceptorFailure).toBe(0.5);
    await cluster.result(0, 'faults.set', { acceptorFailure: 0 });
  });

  test('the log level can be changed while the server runs', async () => {
    expect(await cluster.result(0, 'logs.get')).toEqual({ level: 'error' });
    expect(await cluster.result(0, 'logs.set', { level: 'warn' })).toEqual({ level: 'warn' });
    expect(await cluster.result(0, 'logs.get')).toEqual({ level: 'warn' });
    expect(await cluster.result(1, 'logs.get')).toEqual({ level: 'error' });
    await cluster.result(0, 'logs.set', { level: 'error' });
  });
});
