import { KeyValueStore } from '../../../src/kv/store';
import { Dispatcher, stub } from '../../../src/core/rmi';
import { Majority, parseQuorums } from '../../../src/core/quorum';
import { Acceptor } from '../../../src/protocols/paxos/acceptor';
import { Learner } from '../../../src/protocols/log/learner';
import { Proposer } from '../../../src/protocols/paxos/proposer';
import { PaxosReplica } from '../../../src/protocols/paxos/replica';
import { Rounds } from '../../../src/protocols/log/rounds';
import { loadMutant, type Edit } from '../../../src/simulation/museum/mutant';

/** The code that a schedule is played against: what is shipped, or a mutant of it. */
export interface Code {
  readonly Acceptor: typeof Acceptor;
  readonly Dispatcher: typeof Dispatcher;
  readonly KeyValueStore: typeof KeyValueStore;
  readonly Learner: typeof Learner;
  readonly Majority: typeof Majority;
  readonly PaxosReplica: typeof PaxosReplica;
  readonly Proposer: typeof Proposer;
  readonly Rounds: typeof Rounds;
  readonly parseQuorums: typeof parseQuorums;
  readonly stub: typeof stub;
}

export const SHIPPED: Code = {
  Acceptor,
  Dispatcher,
  KeyValueStore,
  Learner,
  Majority,
  PaxosReplica,
  Proposer,
  Rounds,
  parseQuorums,
  stub,
};

const PLACES: Record<keyof Code, string> = {
  Acceptor: 'protocols/paxos/acceptor.ts',
  Dispatcher: 'core/rmi.ts',
  KeyValueStore: 'kv/store.ts',
  Learner: 'protocols/log/learner.ts',
  Majority: 'core/quorum.ts',
  PaxosReplica: 'protocols/paxos/replica.ts',
  Proposer: 'protocols/paxos/proposer.ts',
  Rounds: 'protocols/log/rounds.ts',
  parseQuorums: 'core/quorum.ts',
  stub: 'core/rmi.ts',
};

/** The same code with mistakes put in. */
export function mutate(edits: readonly Edit[]): Code {
  const names = Object.keys(PLACES) as (keyof Code)[];
  const modules = loadMutant(Object.values(PLACES), edits) as Partial<Code>[];
  return Object.fromEntries(names.map((name, i) => [name, modules[i]![name]])) as unknown as Code;
}
