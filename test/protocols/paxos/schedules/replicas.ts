import type { ServerId } from '../../../../src/core/ballot';
import { DEFAULT_OPTIONS } from '../../../../src/protocols/paxos/options';
import { Cluster } from '../../../support/cluster';
import type { Rule } from '../../../../src/simulation/network';
import type { Code } from '../code';

/** Nothing happens by itself but what a test directs: no resends, no gossip, no giving away of turns. */
const DIRECTED = {
  ...DEFAULT_OPTIONS,
  callTimeoutMs: 1e6,
  resendMs: 1e6,
  phaseTimeoutMs: 1e6,
  gossipMs: 1e6,
  ownHoleMs: 1e6,
};

/** The peers that each method's requests reach. Methods not named reach nobody; replies always arrive. */
export type Reached = Readonly<Record<string, readonly ServerId[]>>;

export function only(reached: Reached): Rule {
  return ({ kind, method, to }) => {
    if (kind === 'reply') return 'deliver';
    return reached[method.slice(method.indexOf('.') + 1)]?.includes(to) === true ? 'deliver' : 'drop';
  };
}

/** Long enough that nobody takes the others for active any more: then everybody tries the first free slot. */
export const QUIET_MS = 100;

/** A cluster of whole replicas that is up and idle. */
export async function startReplicas(code: Code, options: Partial<typeof DIRECTED> = {}): Promise<Cluster> {
  const cluster = new Cluster(
    (environment, machine) =>
      new code.PaxosReplica(
        environment,
        machine,
        { quorums: new code.Majority(environment.members), thrifty: false },
        { ...DIRECTED, ...options },
      ),
    3,
    1,
  );
  cluster.startAll();
  await cluster.world.time.run(QUIET_MS);
  return cluster;
}
