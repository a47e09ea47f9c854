import type { ServerId } from './ballot';
import { invariant } from './invariant';

/**
 * Which sets of servers suffice for each phase. Safety needs one thing only: every phase-1 quorum shares a
 * server with every phase-2 quorum [Flexible Paxos, 3].
 */
export interface QuorumSystem {
  readonly members: readonly ServerId[];
  isPhase1Quorum(servers: ReadonlySet<ServerId>): boolean;
  isPhase2Quorum(servers: ReadonlySet<ServerId>): boolean;
}

/** floor(n/2)+1 servers for both phases: two majorities always meet [Paxos Made Simple, 2.2]. */
export class Majority implements QuorumSystem {
  readonly members: readonly ServerId[];
  readonly size: number;

  constructor(members: readonly ServerId[]) {
    invariant(members.length > 0, 'a cluster has at least one server');
    invariant(new Set(members).size === members.length, 'a server is listed once');
    this.members = members;
    this.size = Math.floor(members.length / 2) + 1;
  }

  isPhase1Quorum(servers: ReadonlySet<ServerId>): boolean {
    return this.#isMajority(servers);
  }

  isPhase2Quorum(servers: ReadonlySet<ServerId>): boolean {
    return this.#isMajority(servers);
  }

  /** Votes of servers outside the cluster do not count. */
  #isMajority(servers: ReadonlySet<ServerId>): boolean {
    let votes = 0;
    for (const member of this.members) if (servers.has(member)) votes++;
    return votes >= this.size;
  }
}
