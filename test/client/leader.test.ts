import { describe, expect, test } from '@jest/globals';
import { SynodClient } from '../../src/client/client';
import { AttemptFailed } from '../../src/client/errors';
import { SeededRandom } from '../../src/core/random';
import { statusOf } from './fake-server';
import { put } from './harness';

const ALL = ['a:1', 'b:1', 'c:1'];
const refused = new AttemptFailed('connection refused', { definite: true, retry: true });

/** Three servers, and what a client asks of them. Time stands still but for `nowMs`. */
class World {
  nowMs = 0;
  /** As every server that is up sees it. */
  leader: number | null = 2;
  readonly down = new Set<string>();
  readonly client: SynodClient;
  #asked: string[] = [];

  constructor(servers = ALL, followLeader = true) {
    this.client = new SynodClient(
      {
        clock: {
          now: () => this.nowMs,
          after: () => () => undefined,
          sleep: () => new Promise(() => undefined),
        },
        random: new SeededRandom(1),
        call: async (server, method) => {
          this.#asked.push(method === 'cluster.status' ? `leader? ${server}` : server);
          await Promise.resolve();
          if (this.down.has(server)) throw refused;
          const members = ALL.map((address, id) => ({ id, address }));
          return method === 'cluster.status' ? statusOf({ members, leader: this.leader }) : put;
        },
        close: () => Promise.resolve(),
      },
      {
        ...{ servers, id: 'c', deadlineMs: 10_000, attemptTimeoutMs: 5000 },
        ...{ broadcast: false, followLeader },
      },
    );
  }

  /** Writes so many times, and gives what was asked of whom for the last one. */
  async write(times = 1): Promise<string[]> {
    for (let i = 0; i < times; i++) {
      this.#asked = [];
      await this.client.put('k', 'v');
      await new Promise((resolve) => setImmediate(resolve));
    }
    return this.#asked;
  }
}

describe('the leader', () => {
  test('is asked for beside the second operation, and gets the third', async () => {
    const world = new World();
    expect(await world.write()).toEqual(['a:1']);
    expect(await world.write()).toEqual(['a:1', 'leader? a:1']);
    expect(await world.write()).toEqual(['c:1']);
    expect(world.client.server).toBe('c:1');
    expect(await world.write(10)).toEqual(['c:1']);
  });

  test('is turned to between operations: whoever does one at a time knows who answered it', async () => {
    const world = new World();
    await world.write(2);
    expect(world.client.server).toBe('a:1');
    await world.write();
    expect(world.client.server).toBe('c:1');
  });

  test('is learned anew when it failed, of the next server that answers', async () => {
    const world = new World();
    await world.write(3);
    world.down.add('c:1');
    expect(await world.write()).toEqual(['c:1', 'a:1']);
    // The answer may come before the election.
    expect(await world.write()).toEqual(['a:1', 'leader? a:1']);
    world.leader = 1;
    world.nowMs += 250;
    expect(await world.write(2)).toEqual(['b:1']);
  });

  test('is asked for again after some time, since it may have handed over', async () => {
    const world = new World();
    await world.write(3);
    world.leader = 0;
    expect(await world.write()).toEqual(['c:1']);
    world.nowMs += 5000;
    expect(await world.write()).toEqual(['c:1', 'leader? c:1']);
    expect(await world.write()).toEqual(['a:1']);
  });

  test('is left alone for a while when it failed this client, though it leads still', async () => {
    const world = new World();
    await world.write(3);
    world.down.add('c:1');
    await world.write();
    world.nowMs += 29_000;
    expect(await world.write()).toEqual(['a:1', 'leader? a:1']);
    world.nowMs += 200;
    expect(await world.write()).toEqual(['a:1']);
    world.down.clear();
    world.nowMs += 800;
    expect(await world.write(2)).toEqual(['c:1']);
  });

  test('changes nothing where there is none, where it is called otherwise, and on request', async () => {
    const none = new World();
    none.leader = null;
    await none.write(3);
    expect(none.client.server).toBe('a:1');
    const unknown = new World(['a:1', 'b:1']);
    await unknown.write(3);
    expect(unknown.client.server).toBe('a:1');
    const staying = new World(ALL, false);
    for (let i = 0; i < 3; i++) expect(await staying.write()).toEqual(['a:1']);
  });

  test('is not asked for by a client that knows one server only', async () => {
    const world = new World(['b:1']);
    expect(await world.write(2)).toEqual(['b:1']);
  });
});
