import { expect, test } from '@jest/globals';
import type { Protocol } from '../../src/core/replica';
import { DEFAULT_OPTIONS } from '../../src/protocols/paxos/options';
import { mutate } from '../protocols/paxos/code';
import type { Edit } from '../../src/simulation/museum/mutant';
import { CALM, type Chaos } from './chaos';
import { runLoad } from './load';

const CHAOS: Chaos = {
  ...CALM,
  loss: 0.1,
  duplication: 0.1,
  slow: 0.1,
  slowMs: 200,
  crashMs: 100,
  downMs: 200,
  syncMs: 5,
};
const SEEDS = 30;

/** Mistakes that random runs must find too, not only the schedules written for them. */
const MISTAKES: readonly (Edit & { readonly name: string })[] = [
  {
    name: 'no adoption',
    file: 'protocols/paxos/proposer.ts',
    find: 'promises.adopted ?? value',
    replace: 'value',
  },
  {
    name: 'votes are not stored',
    file: 'protocols/paxos/acceptor.ts',
    find: 'repeated ? [] : [{ key: slotKey(ACCEPTED, slot), value: proposal }]',
    replace: '[]',
  },
  {
    name: 'votes are cast before they are durable',
    file: 'protocols/paxos/acceptor.ts',
    find: 'await this.#environment.storage.write(\n      repeated',
    replace: 'void this.#environment.storage.write(\n      repeated',
  },
  {
    name: 'rounds come back after a restart',
    file: 'protocols/paxos/rounds.ts',
    find: 'this.#last = this.#reserved;',
    replace: '',
  },
  {
    name: 'half is a majority',
    file: 'core/quorum.ts',
    find: 'Math.floor(members.length / 2) + 1',
    replace: 'Math.floor(members.length / 2)',
  },
  {
    name: 'a write may be reported as failed',
    file: 'protocols/paxos/proposer.ts',
    find: 'if (proposal.id === value.id) voted = true;',
    replace: '',
  },
  {
    name: 'state and applied index are stored apart',
    file: 'protocols/paxos/learner.ts',
    find: 'const changes = this.#machine.takeChanges().map(({ key, value }) => ({ key: STATE + key, value }));',
    replace:
      'const changes = []; void this.#environment.storage.write(this.#machine.takeChanges().map(({ key, value }) => ({ key: STATE + key, value })));',
  },
];

test.each(MISTAKES)(
  'random runs notice that $name',
  async (mistake) => {
    const { PaxosReplica } = mutate([mistake]);
    const protocol: Protocol = {
      name: mistake.name,
      create: (environment, machine) => new PaxosReplica(environment, machine, DEFAULT_OPTIONS),
    };
    const search = async (): Promise<void> => {
      for (let seed = 1; seed <= SEEDS; seed++)
        await runLoad(protocol, {
          chaos: CHAOS,
          servers: seed % 2 === 0 ? 3 : 5,
          seed,
          durationMs: 1500,
          impatience: 0.2,
        }).catch((error: unknown) => {
          throw new Error(`seed ${seed}: ${(error as Error).message}`);
        });
    };
    await expect(search()).rejects.toThrow(/^seed/);
  },
  120_000,
);
