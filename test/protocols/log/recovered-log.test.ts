import { describe, expect, test } from '@jest/globals';
import type { Slot } from '../../../src/core/ballot';
import { Learner } from '../../../src/protocols/log/learner';
import type { OwnVote } from '../../../src/protocols/log/stored-log';
import { DEFAULT_OPTIONS } from '../../../src/protocols/multi-paxos/options';
import { Host } from '../../../src/simulation/host';
import { virtualWorld } from '../../../src/simulation/world';
import { valueOf } from '../paxos/bench';

const OPTIONS = { ...DEFAULT_OPTIONS, log: { slots: 4, characters: 1000 }, checkpointSlots: 2 };
const [LOW, HIGH] = [
  { round: 1, server: 0 },
  { round: 3, server: 0 },
];

/** A server whose learner counts on its votes, and starts again from its disk as often as it is told to. */
class Server {
  readonly #world = virtualWorld([0], 1);
  readonly #host = new Host(this.#world, 0);
  readonly votes = new Map<Slot, OwnVote>();
  /** What the votes are told to drop. */
  readonly floors: Slot[] = [];
  learner!: Learner<string, string>;

  async start(): Promise<this> {
    if (this.#host.isUp) this.#host.crash();
    const machine = { apply: () => '', takeChanges: () => [], snapshot: () => [], restore: () => undefined };
    const environment = { ...this.#host.boot(), trace: () => undefined };
    this.learner = new Learner(environment, machine, OPTIONS);
    this.learner.onVotes((slot) => this.votes.get(slot));
    this.learner.onTruncate((floor) => {
      this.floors.push(floor);
      return [];
    });
    for (const [key, value] of environment.storage.read()) this.learner.recover(key, value);
    await this.#world.time.settled(this.learner.recovered(), 100);
    await this.synced();
    return this;
  }

  async synced(): Promise<void> {
    await this.#world.time.run(50);
  }

  vote(slot: Slot, ballot: typeof LOW, command: string): void {
    this.votes.set(slot, { ballot, value: valueOf(command) });
  }

  async store(key: string, value: Slot | ReturnType<typeof valueOf> | undefined): Promise<void> {
    await this.#world.time.settled(this.#host.disk.storage().write([{ key, value }]), 100);
  }

  keys(prefix: string): string[] {
    return [...this.#host.disk.durableKeys(prefix)];
  }

  async log(): Promise<string[]> {
    const { entries } = await this.learner.chosen({ from: 1 });
    return entries.map(({ slot, value }) => `${slot} ${value.id}`);
  }
}

async function withTwoSlots(): Promise<Server> {
  const server = await new Server().start();
  for (const slot of [1, 2]) server.vote(slot, LOW, `v${slot}`);
  return server;
}

const texts = (...slots: Slot[]): string[] => slots.map((slot) => `${slot} ${valueOf(`v${slot}`).id}`);
const twoSlots = [1, 2].map((slot) => ({ slot, value: valueOf(`v${slot}`) }));

describe('the log of a server that starts again', () => {
  test('is not the vote that came after the checkpoint, when a peer had told what is chosen', async () => {
    const server = await withTwoSlots();
    server.learner.learnAll(twoSlots);
    await server.synced();
    expect(server.keys('learner/chosen/')).toHaveLength(2);
    server.vote(1, { round: 2, server: 0 }, 'late');
    await server.start();
    expect(await server.log()).toEqual(texts(1, 2));
  });

  test('is stored as votes alone, where they are of the ballot that chose it', async () => {
    const server = await withTwoSlots();
    server.learner.learnAll(twoSlots, LOW);
    await server.synced();
    expect(server.keys('learner/chosen/')).toEqual([]);
    for (const slot of [1, 2]) server.vote(slot, HIGH, `v${slot}`);
    await server.start();
    expect(await server.log()).toEqual(texts(1, 2));
  });

  test('begins anew behind a checkpoint of earlier code; votes and stored values below are dropped for good', async () => {
    const server = await withTwoSlots();
    server.learner.learnAll(twoSlots, LOW);
    await server.synced();
    await server.store('learner/log', undefined);
    await server.store('learner/chosen/0000000000000001', valueOf('v1'));
    await server.start();
    expect([await server.log(), server.learner.applied, server.learner.floor]).toEqual([[], 2, 3]);
    expect([server.floors.at(-1), server.keys('learner/chosen/')]).toEqual([3, []]);
    await server.start();
    expect([server.learner.floor, server.keys('learner/chosen/')]).toEqual([3, []]);
  });

  test('does not believe those votes after the next checkpoint either', async () => {
    const server = await withTwoSlots();
    server.learner.learnAll(twoSlots, LOW);
    await server.synced();
    await server.store('learner/log', undefined);
    await server.start();
    for (const slot of [3, 4]) {
      server.vote(slot, LOW, `v${slot}`);
      server.learner.learnAll([{ slot, value: valueOf(`v${slot}`) }], LOW);
    }
    await server.synced();
    await server.start();
    expect([server.learner.applied, server.learner.floor]).toEqual([4, 3]);
    expect(await server.log()).toEqual(texts(3, 4));
  });

  test('leaves nothing on the disk of what earlier code had left below the floor', async () => {
    const server = await withTwoSlots();
    const installed = server.learner.install(9, []);
    await server.synced();
    await installed;
    await server.store('learner/chosen/0000000000000004', valueOf('v4'));
    await server.start();
    expect([server.keys('learner/chosen/'), await server.log()]).toEqual([[], []]);
    expect([server.learner.applied, server.learner.floor]).toEqual([9, 10]);
  });

  test('keeps what is in it through any number of checkpoints and starts', async () => {
    const server = await new Server().start();
    for (let slot = 1; slot <= 20; slot++) {
      const isTold = slot % 3 === 0;
      if (slot % 4 !== 0) server.vote(slot, LOW, `v${slot}`);
      server.learner.learnAll([{ slot, value: valueOf(`v${slot}`) }], isTold ? undefined : LOW);
      await server.synced();
      if (slot % 5 !== 0) continue;
      await server.start();
      const { applied, floor } = server.learner;
      expect(await server.log()).toEqual(
        texts(...Array.from({ length: applied - floor + 1 }, (_, index) => floor + index)),
      );
      for (let next = applied + 1; next <= slot; next++)
        server.learner.learnAll([{ slot: next, value: valueOf(`v${next}`) }]);
      await server.synced();
    }
    expect(server.learner.applied).toBe(20);
    expect(server.learner.floor).toBeGreaterThan(10);
    // Of 3 slots one was told by a peer, of 4 one had no vote.
    expect(server.keys('learner/chosen/').length).toBeLessThanOrEqual(OPTIONS.log.slots);
  });
});
