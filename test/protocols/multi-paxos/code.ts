import { parseQuorums } from '../../../src/core/quorum';
import type { LeaderLease } from '../../../src/core/replica';
import { DEFAULT_OPTIONS, type MultiPaxosOptions } from '../../../src/protocols/multi-paxos/options';
import { MultiPaxosReplica } from '../../../src/protocols/multi-paxos/replica';
import { loadMutant, type Edit } from '../../../src/simulation/museum/mutant';
import { Cluster } from '../../support/cluster';
import { usualSettings } from '../../support/settings';

/** The code that a schedule is played against: what is shipped, or a mutant of it. */
export interface Code {
  readonly MultiPaxosReplica: typeof MultiPaxosReplica;
  readonly parseQuorums: typeof parseQuorums;
}

export const SHIPPED: Code = { MultiPaxosReplica, parseQuorums };

/** The same code with mistakes put in. */
export function mutate(edits: readonly Edit[]): Code {
  const files = ['protocols/multi-paxos/replica.ts', 'core/quorum.ts'];
  return Object.assign({}, ...loadMutant(files, edits)) as Code;
}

/** No server knows what the others are about but by what a schedule lets through: no gossip. */
const DIRECTED = { ...DEFAULT_OPTIONS, gossipMs: 1e6 };
/** Longer than the election of the first leader. */
const ELECTION_MS = 3000;

/** A cluster of whole replicas that has a leader and is idle, and who that is. */
export async function startCluster(
  { MultiPaxosReplica: Replica, parseQuorums: parse }: Code,
  servers: number,
  lease?: LeaderLease,
  options: Partial<MultiPaxosOptions> = {},
): Promise<{ readonly cluster: Cluster; readonly leader: number }> {
  const cluster = new Cluster(
    (environment, machine) =>
      new Replica(
        environment,
        machine,
        { ...usualSettings(environment), quorums: parse('majority', environment.members), lease },
        { ...DIRECTED, ...options },
      ),
    servers,
    1,
  );
  cluster.startAll();
  // A server that has started elects nobody for as long as it may have granted a lease.
  await cluster.world.time.run(ELECTION_MS + (lease?.durationMs ?? 0));
  const { leader } = cluster.replica(0).inspect();
  if (leader === null) throw new Error('nobody was elected');
  return { cluster, leader };
}
