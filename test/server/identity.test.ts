import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { Json } from '../../src/core/json';
import { StartRefused, serverConfiguration, type ServerConfiguration } from '../../src/server/configuration';
import { Identity, type Names } from '../../src/server/identity';
import { MemoryStorage } from '../../src/storage/memory-storage';

const configuration = serverConfiguration.parse({
  id: 0,
  servers: [15000, 15001, 15002].map((port) => ({ host: '127.0.0.1', port })),
  token: 'a token that is long enough',
});
const names = (): Names => ({ newDisk: randomUUID, run: randomUUID() });
/** As if there were a second protocol. */
const otherProtocol = { protocol: 'other' as 'paxos' };

describe('identity', () => {
  test('is made once, and is the same after it was read again', async () => {
    const storage = new MemoryStorage();
    const first = await Identity.open(storage, configuration, 'digest', names());
    expect([first.isAdmitted, first.initialDigest]).toEqual([false, 'digest']);
    const age = { disk: 'disk of 1', generation: 3, run: 'run of 1' };
    await first.recordAge(1, age);
    await first.admit();
    const again = await Identity.open(storage, configuration, 'digest', names());
    expect([again.age.disk, again.isAdmitted, again.ageOf(1), again.ageOf(2)]).toEqual([
      first.age.disk,
      true,
      age,
      undefined,
    ]);
    const other = await Identity.open(new MemoryStorage(), configuration, 'digest', names());
    expect(other.age.disk).not.toBe(first.age.disk);
  });

  test('each start, and each renewal, is a new generation of the data, durable before it is told', async () => {
    const storage = new MemoryStorage();
    const identity = await Identity.open(storage, configuration, 'digest', names());
    expect(identity.age.generation).toBe(1);
    const renewed = identity.renew();
    expect(identity.age.generation).toBe(1);
    await renewed;
    expect(identity.age.generation).toBe(2);
    const again = await Identity.open(storage, configuration, 'digest', names());
    expect(again.age.generation).toBe(3);
    expect(again.age.run).not.toBe(identity.age.run);
  });

  test('of another server the newest generation is remembered', async () => {
    const storage = new MemoryStorage();
    const identity = await Identity.open(storage, configuration, 'digest', names());
    const age = { disk: 'disk of 1', generation: 3, run: 'run of 1' };
    await identity.recordAge(1, age);
    await identity.recordAge(1, { ...age, generation: 2 });
    const again = await Identity.open(storage, configuration, 'digest', names());
    expect(again.ageOf(1)).toEqual(age);
  });

  test('data of the first versions, which knows disks alone, takes any generation for newer', async () => {
    const storage = new MemoryStorage();
    await Identity.open(storage, configuration, 'digest', names());
    await storage.write([{ key: 'server/disk-of/1', value: 'disk of 1' }]);
    const again = await Identity.open(storage, configuration, 'digest', names());
    expect(again.ageOf(1)).toEqual({ disk: 'disk of 1', generation: 0, run: '' });
  });

  test.each<[string, Partial<ServerConfiguration>, string]>([
    ['cluster', { cluster: 'other' }, 'the data folder belongs to cluster synod, not other'],
    ['id', { id: 1 }, 'the data folder belongs to id 0, not 1'],
    [
      'members',
      { servers: configuration.servers.slice(0, 2) },
      'the data folder belongs to members 127.0.0.1:15000,127.0.0.1:15001,127.0.0.1:15002, not 127.0.0.1:15000,127.0.0.1:15001',
    ],
    ['quorums', { quorums: '3,1' }, 'the data folder belongs to quorums majority, not 3,1'],
    ['protocol', otherProtocol, 'the data folder belongs to protocol paxos, not other'],
  ])('data of another %s is refused with a sentence', async (_, changes, says) => {
    const storage = new MemoryStorage();
    await Identity.open(storage, configuration, 'digest', names());
    const before = [...storage.read()];
    const refused = Identity.open(storage, { ...configuration, ...changes }, 'digest', names());
    await expect(refused).rejects.toThrow(new StartRefused(says));
    expect([...storage.read()]).toEqual(before);
  });

  test('another initial store is refused until the first one is stored, and does not matter then', async () => {
    const storage = new MemoryStorage();
    await Identity.open(storage, configuration, 'digest', names());
    const another = (): Promise<Identity> => Identity.open(storage, configuration, 'another', names());
    await expect(another()).rejects.toThrow('prepopulate.json has changed since the first start');
    // A crash cut the first start short.
    await storage.write([{ key: 'learner/state-1/entry/a', value: '1' }]);
    await expect(another()).rejects.toThrow('prepopulate.json has changed since the first start');
    await storage.write([{ key: 'learner/applied', value: 0 }]);
    expect((await another()).initialDigest).toBe('digest');
  });

  test('data of the first versions, which does not name its quorums, is of majorities', async () => {
    const storage = new MemoryStorage();
    await Identity.open(storage, configuration, 'digest', names());
    const [[key, value] = ['', {}]] = storage.read();
    await storage.write([{ key, value: { ...(value as object), quorums: undefined } as unknown as Json }]);
    await expect(Identity.open(storage, configuration, 'digest', names())).resolves.toBeDefined();
    const refused = Identity.open(storage, { ...configuration, quorums: '2,2' }, 'digest', names());
    await expect(refused).rejects.toThrow('the data folder belongs to quorums majority, not 2,2');
  });

  test('votes without an identity are refused', async () => {
    const storage = new MemoryStorage();
    await storage.write([{ key: 'acceptor/promised/0000000000000001', value: { round: 1, server: 0 } }]);
    await expect(Identity.open(storage, configuration, 'digest', names())).rejects.toThrow('it is damaged');
  });
});
