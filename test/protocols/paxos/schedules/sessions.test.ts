import { describe } from '@jest/globals';
import type { Command, Result } from '../../../../src/kv/commands';
import { DEFAULT_OPTIONS } from '../../../../src/protocols/paxos/options';
import { HEALTHY } from '../../../../src/simulation/network';
import { Host } from '../../../../src/simulation/host';
import { virtualWorld } from '../../../../src/simulation/world';
import { exhibit, play, type Schedule } from './play';
import { QUIET_MS, only } from './replicas';

const [A, B, C] = [0, 1, 2];

/** The write gets one vote, is reported as unknown, and chosen by adoption. Its client sends it again, after another's write. */
const repeatedWrite: Schedule = async (code) => {
  const world = virtualWorld([A, B, C], 1);
  const servers = world.members.map((id) => {
    const store = new code.KeyValueStore();
    const replica = new code.PaxosReplica<Command, Result>(
      new Host(world, id).boot(),
      store,
      { quorums: new code.Majority(world.members), thrifty: false },
      DEFAULT_OPTIONS,
    );
    void replica.start();
    return { store, replica };
  });
  const put = async (server: number, value: string, client: string, timeoutMs: number): Promise<string> => {
    let outcome = '';
    servers[server]!.replica.submit(
      { op: 'put', key: 'x', value, session: { client, sequence: 1 } },
      timeoutMs,
    ).then(
      () => (outcome = 'done'),
      (error: unknown) => (outcome = (error as Error).message),
    );
    await world.time.runUntil(() => outcome !== '', 10_000);
    return outcome;
  };
  await world.time.run(QUIET_MS);
  world.network.rule = only({ prepare: [B] });
  await put(A, '1', 'first', 40);
  await world.time.run(QUIET_MS);
  world.network.rule = HEALTHY;
  const outcomes = [
    await put(C, '2', 'second', 5000),
    servers[C]!.store.get('x'),
    await put(B, '1', 'first', 5000),
    servers[B]!.store.get('x'),
  ];
  if (outcomes.join() !== 'done,2,done,2') throw new Error(`a write took effect twice: ${outcomes.join()}`);
  world.observer.check();
};

describe('writes that are sent again', () => {
  play(exhibit('P-19'), repeatedWrite, /a write took effect twice: done,2,done,1/);
});
