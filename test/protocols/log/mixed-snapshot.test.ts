import { describe, expect, test } from '@jest/globals';
import type { Environment } from '../../../src/core/environment';
import type { Replica } from '../../../src/core/replica';
import type { Command, Result } from '../../../src/kv/commands';
import { KeyValueStore } from '../../../src/kv/store';
import { DEFAULT_OPTIONS as MULTI_PAXOS } from '../../../src/protocols/multi-paxos/options';
import { MultiPaxosReplica } from '../../../src/protocols/multi-paxos/replica';
import { DEFAULT_OPTIONS as PAXOS } from '../../../src/protocols/paxos/options';
import { PaxosReplica } from '../../../src/protocols/paxos/replica';
import { Host } from '../../../src/simulation/host';
import { loadMutant, type Edit } from '../../../src/simulation/museum/mutant';
import type { Rule } from '../../../src/simulation/network';
import { virtualWorld } from '../../../src/simulation/world';
import { edit } from '../../support/mistakes';
import { usualSettings } from '../../support/settings';

const LEARNER = 'protocols/log/learner.ts';
const MESSAGES = 'protocols/log/messages.ts';
const SNAPSHOT = 'protocols/log/snapshot.ts';
const [A, , , P, Q] = [0, 1, 2, 3, 4];
const INITIAL = ['a', 'b', 'c', 'd'].map((key) => [key, 'initial'] as const);
const WRITES = 10;
/** Small pieces, few slots kept, and calls that are answered however late. */
const CHANGED = { log: { slots: 2, characters: 1e6 }, pieceSlots: 2, callTimeoutMs: 1e6 };

type Create = (environment: Environment, store: KeyValueStore) => Replica<Command, Result>;

/**
 * P takes over the state of A and loses it in a crash, between Q's look at P's log and Q's late request for a snapshot.
 * P takes it over again before Q asks for the second piece.
 */
async function lateRequest(
  create: Create,
): Promise<{ readonly atQ: KeyValueStore; readonly atA: KeyValueStore }> {
  const world = virtualWorld([0, 1, 2, 3, 4], 1);
  const { time, network, members } = world;
  const hosts = members.map((id) => new Host(world, id));
  const boot = (id: number): { replica: Replica<Command, Result>; store: KeyValueStore } => {
    const store = new KeyValueStore(INITIAL);
    const replica = create({ ...hosts[id]!.boot(), trace: () => undefined }, store);
    replica.start().catch((error: unknown) => {
      world.observer.unexpected(id, error);
    });
    return { replica, store };
  };
  const servers = members.map(boot);
  let isSourceThere = false;
  let held = 0;
  // P hears of A alone, and Q of P alone, whose requests for snapshots wait.
  const rule: Rule = ({ from, to, method, kind }) => {
    if (from < P && to < P) return 'deliver';
    if (!method.startsWith('learner.')) return 'drop';
    const [low, high] = [Math.min(from, to), Math.max(from, to)];
    if (low === A && high === P) return isSourceThere ? 'deliver' : 'drop';
    if (low !== P || high !== Q) return 'drop';
    if (method !== 'learner.snapshot' || kind !== 'request') return 'deliver';
    held++;
    return 'hold';
  };
  network.rule = rule;
  const until = async (reached: () => boolean): Promise<void> => {
    expect(await time.runUntil(reached, 120_000)).toBe(true);
  };
  await until(() => servers[A]!.replica.inspect().applied === 0);
  await time.run(3000);
  for (let n = 0; n < WRITES; n++) {
    const command: Command = { op: 'put', key: 'd', value: `${n}`, session: null };
    await time.settled(servers[A]!.replica.submit(command, 10_000, false), 20_000);
  }
  hosts[P]!.disk.syncMs = () => 3000;
  isSourceThere = true;
  await until(() => held > 0);
  expect(servers[P]!.replica.inspect().applied).toBe(WRITES);
  isSourceThere = false;
  expect(hosts[P]!.crash(0)).toBeGreaterThan(0);
  hosts[P]!.disk.syncMs = () => 0.1;
  servers[P] = boot(P);
  await time.run(100);
  expect([servers[P].replica.inspect().applied, servers[P].store.get('d')]).toEqual([0, 'initial']);
  expect(network.release()).toBeGreaterThan(0);
  await time.run(100);
  isSourceThere = true;
  await until(() => servers[P]!.replica.inspect().applied === WRITES);
  network.release();
  network.rule = (message) => (rule(message) === 'hold' ? 'deliver' : rule(message));
  await until(() => servers[Q]!.replica.inspect().applied === WRITES);
  network.rule = () => 'deliver';
  await time.settled(servers[Q]!.replica.readBarrier(10_000), 20_000);
  return { atQ: servers[Q]!.store, atA: servers[A]!.store };
}

/** How snapshots were named and taken over before: by their slot, 0 for a new one, and nobody counted the records. */
const SLOTS_FOR_NAMES: readonly Edit[] = [
  edit(LEARNER, "if (this.#applied === 0) return Promise.resolve({ kind: 'nothing' });", ''),
  edit(MESSAGES, 'The records are the state after this slot. */\n  slot,', '*/ slot: z.int(),'),
  edit(SNAPSHOT, '? (this.#from(oldest)', "|| id === '0' ? (this.#from(oldest)"),
  edit(SNAPSHOT, 'this.#add(this.#nextId(), state())', 'this.#add(String(state().slot), state())'),
  edit(
    SNAPSHOT,
    'if (from !== this.#records.length || (this.#offer !== null && offer !== this.#offer)) return false;',
    'if (this.#offer !== offer) this.#records.length = 0;',
  ),
  edit(SNAPSHOT, 'if (this.#offer === null) [this.#offer', '[this.#offer'),
];
const UNCOUNTED: readonly Edit[] = [
  edit(SNAPSHOT, 'this.#records.length === this.#count &&', ''),
  edit(SNAPSHOT, 'this.#digest.toString() === this.#expectedDigest;', 'true;'),
];

interface Replicas {
  readonly PaxosReplica: typeof PaxosReplica;
  readonly MultiPaxosReplica: typeof MultiPaxosReplica;
}

function mutate(edits: readonly Edit[]): Replicas {
  const files = ['protocols/paxos/replica.ts', 'protocols/multi-paxos/replica.ts'];
  return Object.assign({}, ...loadMutant(files, edits)) as Replicas;
}

const PROTOCOLS: [string, (code: Replicas) => Create][] = [
  [
    'paxos',
    (code) => (environment, store) =>
      new code.PaxosReplica(environment, store, usualSettings(environment), { ...PAXOS, ...CHANGED }),
  ],
  [
    'multi-paxos',
    (code) => (environment, store) =>
      new code.MultiPaxosReplica(environment, store, usualSettings(environment), {
        ...MULTI_PAXOS,
        ...CHANGED,
        checkpointSlots: 2,
      }),
  ],
];

describe.each(PROTOCOLS)(
  '%s: a late request for a snapshot, answered by a server that lost its own',
  (_, create) => {
    test('mixes no two states', async () => {
      const { atQ, atA } = await lateRequest(create({ PaxosReplica, MultiPaxosReplica }));
      expect(atQ.snapshot()).toEqual(atA.snapshot());
    });

    test('does, where a slot names a snapshot and nobody counts the records', async () => {
      const { atQ, atA } = await lateRequest(create(mutate([...SLOTS_FOR_NAMES, ...UNCOUNTED])));
      expect([atQ.snapshot().length, atA.snapshot().length]).toEqual([2, 4]);
    });

    test('does not, where a slot names a snapshot but the records are counted', async () => {
      const { atQ, atA } = await lateRequest(create(mutate(SLOTS_FOR_NAMES)));
      expect(atQ.snapshot()).toEqual(atA.snapshot());
    });
  },
);
