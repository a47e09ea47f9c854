import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { MOST_RUNS, Identity } from '../../src/server/identity';
import { serverConfiguration } from '../../src/server/configuration';
import { Formation } from '../../src/server/formation';
import { MemoryStorage } from '../../src/storage/memory-storage';
import { realClock } from '../../src/real-clock';

const configuration = (id: number): ReturnType<typeof serverConfiguration.parse> =>
  serverConfiguration.parse({
    id,
    servers: [15000, 15001, 15002].map((port) => ({ host: '127.0.0.1', port })),
    token: 'a token that is long enough',
  });

/** A start of server 1 on this data. */
function start(storage: MemoryStorage): Promise<Identity> {
  return Identity.open(storage, configuration(1), 'digest', { newDisk: randomUUID, run: randomUUID() });
}

/** The data as it is now. */
async function copyOf(storage: MemoryStorage): Promise<MemoryStorage> {
  const copy = new MemoryStorage();
  await copy.write([...storage.read()].map(([key, value]) => ({ key, value })));
  return copy;
}

/** Server 0, as it answers the hello of server 1. */
async function peer(): Promise<(of: Identity, votes?: boolean) => Promise<string>> {
  const identity = await Identity.open(new MemoryStorage(), configuration(0), 'digest', {
    newDisk: randomUUID,
    run: randomUUID(),
  });
  const ignore = (): void => undefined;
  const formation = new Formation({
    self: 0,
    members: [0, 1, 2],
    identity,
    transport: { call: () => Promise.reject(new Error('nobody there')), listen: ignore },
    clock: realClock,
    log: { warn: ignore },
    onRefused: ignore,
    fail: ignore,
  });
  return async ({ age, before, initialDigest }, votes = true) => {
    const { kind } = await formation.hello({
      id: 1,
      ...age,
      before: [...before],
      initialDigest,
      admitted: false,
      votes,
    });
    return kind;
  };
}

describe('a server knows of another one which generation its data has got to', () => {
  test('and lets it in after any number of starts, whatever it heard of them', async () => {
    const hello = await peer();
    const storage = new MemoryStorage();
    for (let starts = 0; starts < 3 * MOST_RUNS; starts++) {
      const identity = await start(storage);
      await identity.renew();
      if (starts % 7 === 0 || starts === 2 * MOST_RUNS) expect(await hello(identity)).toBe('welcome');
      expect(identity.before).toHaveLength(Math.min(starts, MOST_RUNS));
    }
    expect(await hello(await start(storage))).toBe('welcome');
  });

  test('though it did not hear of more starts than are remembered', async () => {
    const hello = await peer();
    const storage = new MemoryStorage();
    expect(await hello(await start(storage))).toBe('welcome');
    for (let starts = 0; starts < 2 * MOST_RUNS; starts++) await start(storage);
    expect(await hello(await start(storage))).toBe('welcome');
  });

  test.each([0, 2 * MOST_RUNS])(
    'and refuses a copy from before, however often that was started and however long it ran, after %i starts',
    async (earlierStarts) => {
      const hello = await peer();
      const storage = new MemoryStorage();
      for (let starts = 0; starts < earlierStarts; starts++) await start(storage);
      const identity = await start(storage);
      expect(await hello(identity)).toBe('welcome');
      const copy = await copyOf(storage);
      await identity.renew();
      expect(await hello(identity)).toBe('welcome');
      for (let starts = 0; starts < 3; starts++) {
        const back = await start(copy);
        for (let renewals = 0; renewals < 5; renewals++) {
          expect(await hello(back)).toBe('refused');
          await back.renew();
        }
      }
      expect(await hello(await start(storage))).toBe('welcome');
    },
  );

  test('and holds nothing against the right data while a copy of it has only asked whether it may vote', async () => {
    const hello = await peer();
    const storage = new MemoryStorage();
    await hello(await start(storage));
    const copy = await copyOf(storage);
    await start(storage);
    // This server was not told of the second start.
    const back = await start(copy);
    expect(await hello(back, false)).toBe('welcome');
    expect(await hello(await start(storage), false)).toBe('welcome');
    // The copy votes, and has made promises that the right data lacks.
    expect(await hello(back)).toBe('welcome');
    expect(await hello(await start(storage), false)).toBe('refused');
  });
});
