import { describe, expect, test } from '@jest/globals';
import { parseQuorums } from '../../src/core/quorum';
import { SynodClient } from '../../src/client/client';
import { OutcomeUnknown, type AttemptFailed } from '../../src/client/errors';
import { API_ERRORS } from '../../src/api/errors';
import { PROTOCOLS, type ProtocolName } from '../../src/protocols/registry';
import { ClientLink } from '../../src/simulation/client-link';
import { DurabilityObserver } from '../../src/simulation/durability';
import { Node } from '../../src/simulation/node';
import { Oracle } from '../../src/simulation/oracle';
import { virtualWorld, type World } from '../../src/simulation/world';

const LIMITS = { clients: 3, characters: 1_000_000 };
const WITHIN_MS = 60_000;

/** Five servers that remember few clients, in virtual time, watched by the oracle. */
class Scene {
  readonly world: World;
  readonly nodes: readonly Node[];
  readonly #oracle: Oracle;
  #clients = 0;

  constructor(protocolName: ProtocolName) {
    const members = [0, 1, 2, 3, 4];
    this.world = virtualWorld(members, 1);
    const { observer, random } = this.world;
    this.#oracle = new Oracle(observer, new DurabilityObserver(observer, protocolName, () => this.nodes));
    this.nodes = members.map(
      (id) =>
        new Node({
          ...{ world: this.world, id, oracle: this.#oracle, protocolName, sessionLimits: LIMITS },
          protocol: PROTOCOLS[protocolName],
          settings: { quorums: parseQuorums('majority', members), thrifty: false },
          operationTimeoutMs: 4000,
          acceptorFailure: 0,
          digestSlots: 1,
          random: random.fork(`acceptor faults ${id}`),
        }),
    );
  }

  async start(): Promise<void> {
    for (const node of this.nodes) node.start();
    await this.until(() => this.nodes.every((node) => node.isServing));
  }

  async until(isThere: () => boolean): Promise<void> {
    expect(await this.world.time.runUntil(isThere, WITHIN_MS)).toBe(true);
    this.world.observer.check();
  }

  /** The outcome, in virtual time. */
  async of<T>(operation: Promise<T>): Promise<T> {
    let isOver = false;
    const over = (): void => void (isOver = true);
    operation.then(over, over);
    await this.until(() => isOver);
    return operation;
  }

  /** One request to one server. */
  async call(server: number, method: 'kv.put' | 'kv.get', params: object): Promise<unknown> {
    return this.#link().call(String(server), method, params, 10 * WITHIN_MS);
  }

  client(servers: readonly number[], attemptTimeoutMs = 1000): SynodClient {
    return new SynodClient(this.#link(), {
      ...{ servers: servers.map(String), id: `client ${this.#clients}`, deadlineMs: 30_000 },
      ...{ attemptTimeoutMs, broadcast: false, followLeader: false },
    });
  }

  #link(): ClientLink {
    const { world, nodes } = this;
    return new ClientLink({ world, nodes, oracle: this.#oracle, index: this.#clients++, echo: 0, heldUp: 0 });
  }

  /** So many clients write once, and each does get it done. */
  async crowd(count: number): Promise<void> {
    for (let each = 0; each < count; each++)
      await this.of(this.client([1, 2, 3, 4]).put(`crowd ${each}`, 'there'));
  }
}

describe.each(Object.keys(PROTOCOLS) as ProtocolName[])('clients that are forgotten, with %s', (protocol) => {
  test('a write that waited at a server which slept does not take effect again', async () => {
    const scene = new Scene(protocol);
    await scene.start();
    const { host } = scene.nodes[0]!;
    host.pause();
    const old = { key: 'x', value: '1', client: 'ada', sequence: 1 };
    const late = scene.call(0, 'kv.put', old).catch((error: unknown) => error);
    expect(await scene.of(scene.call(1, 'kv.put', old))).toMatchObject({ replaced: false });
    await scene.of(scene.client([1, 2]).put('x', '2'));
    await scene.crowd(5 * LIMITS.clients);
    host.resume();
    const failure = (await scene.of(late)) as AttemptFailed;
    expect(failure).toMatchObject({ code: API_ERRORS.staleSequence.code, definite: false });
    expect(failure.epoch).toBeGreaterThanOrEqual(2);
    const read = await scene.of(scene.call(0, 'kv.get', { key: 'x', read: 'linearizable' }));
    expect(read).toMatchObject({ value: '2' });
  });

  test('a client that was forgotten begins anew by itself, and so does a new one', async () => {
    const scene = new Scene(protocol);
    await scene.start();
    const sleeper = scene.client([0, 1, 2]);
    await scene.of(sleeper.put('x', '1'));
    await scene.crowd(5 * LIMITS.clients);
    expect(await scene.of(sleeper.put('x', '2'))).toMatchObject({ replaced: true });
    const together = ['a', 'b', 'c', 'd'].map((key) => sleeper.put(key, '3'));
    expect(await scene.of(Promise.all(together))).toHaveLength(4);
    expect(await scene.of(scene.client([3]).put('y', '1'))).toMatchObject({ replaced: false });
  });

  test('of a write without an answer it learns that its outcome is unknown', async () => {
    const scene = new Scene(protocol);
    await scene.start();
    const sleeper = scene.client([0, 1], 20_000);
    await scene.of(sleeper.put('x', '1'));
    scene.nodes[0]!.host.pause();
    // Its first attempt waits at the server that sleeps, while the others forget it.
    const write = sleeper.put('x', '2').catch((error: unknown) => error);
    await scene.crowd(5 * LIMITS.clients);
    const failure = await scene.of(write);
    expect(failure).toBeInstanceOf(OutcomeUnknown);
    expect((failure as OutcomeUnknown).message).toContain('epoch');
    expect(await scene.of(sleeper.put('x', '3'))).toMatchObject({ replaced: true });
  });
});
