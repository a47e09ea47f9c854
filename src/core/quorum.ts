import type { ServerId } from './ballot';
import { invariant } from './invariant';

/** How many failures leave enough servers, whichever servers they hit. */
export interface Survival {
  /** Servers that may be down, and phase 1 still finds a quorum. */
  readonly phase1: number;
  /** Servers that may be down, and phase 2 still finds a quorum. */
  readonly phase2: number;
  /** Disks that may be lost for good, and every chosen value is still on another one. */
  readonly disks: number;
}

/**
 * Which sets of servers suffice for each phase. Safety needs one thing only: every phase-1 quorum shares a
 * server with every phase-2 quorum [Flexible Paxos, 3]. No object breaks that: its construction is refused.
 */
export interface QuorumSystem {
  /** `majority`, `4,2` or `grid:2x3`, as the command line takes it. */
  readonly name: string;
  readonly members: readonly ServerId[];
  /** What a quorum of the phase is, for people: `4 of 5 servers`. */
  readonly phase1: string;
  readonly phase2: string;
  readonly survives: Survival;
  isPhase1Quorum(servers: ReadonlySet<ServerId>): boolean;
  isPhase2Quorum(servers: ReadonlySet<ServerId>): boolean;
  /** A smallest phase-2 quorum with as few of the avoided as can be, and, among those, of the servers that come first in `preferred`. */
  phase2Example(preferred: readonly ServerId[], avoided?: ReadonlySet<ServerId>): readonly ServerId[];
}

/**
 * How a phase stands: `reached` by those who agreed; `lost`, when even all who have not answered would not do; or `open`,
 * as the vote of etcd's Raft has it.
 */
export type Standing = 'reached' | 'lost' | 'open';

export function standing(
  quorums: QuorumSystem,
  phase: 1 | 2,
  agreed: ReadonlySet<ServerId>,
  refused: ReadonlySet<ServerId>,
): Standing {
  const isQuorum = (servers: ReadonlySet<ServerId>): boolean =>
    phase === 1 ? quorums.isPhase1Quorum(servers) : quorums.isPhase2Quorum(servers);
  if (isQuorum(agreed)) return 'reached';
  return isQuorum(new Set(quorums.members.filter((member) => !refused.has(member)))) ? 'open' : 'lost';
}

/** These quorums cannot be; the message is a sentence for whoever asked for them. */
export class InvalidQuorums extends Error {
  override readonly name = 'InvalidQuorums';
}

const NOBODY: ReadonlySet<ServerId> = new Set();

/** So many servers of all, whichever. */
class Threshold implements QuorumSystem {
  readonly name: string;
  readonly members: readonly ServerId[];
  readonly #sizes: readonly [phase1: number, phase2: number];

  constructor(name: string, members: readonly ServerId[], sizes: readonly [phase1: number, phase2: number]) {
    checkMembers(members);
    this.name = name;
    this.members = members;
    this.#sizes = sizes;
  }

  get phase1(): string {
    return `${this.#sizes[0]} of ${count(this.members.length)}`;
  }

  get phase2(): string {
    return `${this.#sizes[1]} of ${count(this.members.length)}`;
  }

  get survives(): Survival {
    const { length } = this.members;
    const [phase1, phase2] = this.#sizes;
    return { phase1: length - phase1, phase2: length - phase2, disks: phase2 - 1 };
  }

  isPhase1Quorum(servers: ReadonlySet<ServerId>): boolean {
    return this.#votes(servers) >= this.#sizes[0];
  }

  isPhase2Quorum(servers: ReadonlySet<ServerId>): boolean {
    return this.#votes(servers) >= this.#sizes[1];
  }

  phase2Example(preferred: readonly ServerId[], avoided = NOBODY): readonly ServerId[] {
    return inOrder(this.members, preferred, avoided).slice(0, this.#sizes[1]);
  }

  /** Votes of servers outside the cluster do not count. */
  #votes(servers: ReadonlySet<ServerId>): number {
    let votes = 0;
    for (const member of this.members) if (servers.has(member)) votes++;
    return votes;
  }
}

/** floor(n/2)+1 servers for both phases: two majorities always meet [Paxos Made Simple, 2.2]. */
export class Majority extends Threshold {
  constructor(members: readonly ServerId[]) {
    const size = Math.floor(members.length / 2) + 1;
    super('majority', members, [size, size]);
  }
}

/** Any `phase1` servers, and any `phase2` servers: they meet when the two are more than all [Flexible Paxos, 4]. */
export class CountingQuorums extends Threshold {
  /** Throws InvalidQuorums. */
  constructor(members: readonly ServerId[], phase1: number, phase2: number) {
    const { length } = members;
    const name = `${phase1},${phase2}`;
    for (const size of [phase1, phase2])
      if (!Number.isSafeInteger(size) || size < 1 || size > length)
        throw new InvalidQuorums(`quorums ${name} are not of 1 to ${count(length)}`);
    if (phase1 + phase2 <= length) throw new InvalidQuorums(missingPair(name, members, phase1, phase2));
    super(name, members, [phase1, phase2]);
  }
}

/** The servers in rows, by their ids: a full row for phase 1, a full column for phase 2. Every row meets every column. */
export class GridQuorums implements QuorumSystem {
  readonly name: string;
  readonly members: readonly ServerId[];
  readonly #rows: readonly (readonly ServerId[])[];
  readonly #columns: readonly (readonly ServerId[])[];

  /** Throws InvalidQuorums. */
  constructor(members: readonly ServerId[], rows: number, columns: number) {
    checkMembers(members);
    this.name = `grid:${rows}x${columns}`;
    if (rows * columns !== members.length)
      throw new InvalidQuorums(
        `a grid of ${rows} x ${columns} places ${count(rows * columns)}, not ${members.length}`,
      );
    this.members = members;
    this.#rows = Array.from({ length: rows }, (_, row) => members.slice(row * columns, (row + 1) * columns));
    this.#columns = Array.from({ length: columns }, (_, column) =>
      members.filter((_member, index) => index % columns === column),
    );
  }

  get phase1(): string {
    return `a row of ${count(this.#columns.length)}`;
  }

  get phase2(): string {
    return `a column of ${count(this.#rows.length)}`;
  }

  /** One server of each row ends all rows, one of each column all columns. */
  get survives(): Survival {
    const [rows, columns] = [this.#rows.length, this.#columns.length];
    return { phase1: rows - 1, phase2: columns - 1, disks: rows - 1 };
  }

  isPhase1Quorum(servers: ReadonlySet<ServerId>): boolean {
    return this.#rows.some((row) => row.every((server) => servers.has(server)));
  }

  isPhase2Quorum(servers: ReadonlySet<ServerId>): boolean {
    return this.#columns.some((column) => column.every((server) => servers.has(server)));
  }

  phase2Example(preferred: readonly ServerId[], avoided = NOBODY): readonly ServerId[] {
    const order = inOrder(this.members, preferred, avoided);
    const badness = (column: readonly ServerId[]): number =>
      column.filter((server) => avoided.has(server)).length * order.length +
      Math.min(...column.map((server) => order.indexOf(server)));
    return this.#columns.reduce((best, column) => (badness(column) < badness(best) ? column : best));
  }
}

/** `majority`, `q1,q2` (servers for phase 1, for phase 2) or `grid:RxC`. Throws InvalidQuorums. */
export function parseQuorums(text: string, members: readonly ServerId[]): QuorumSystem {
  if (text === 'majority') return new Majority(members);
  const counts = /^([1-9]\d?),([1-9]\d?)$/.exec(text);
  if (counts !== null) return new CountingQuorums(members, Number(counts[1]), Number(counts[2]));
  const grid = /^grid:([1-9]\d?)x([1-9]\d?)$/.exec(text);
  if (grid !== null) return new GridQuorums(members, Number(grid[1]), Number(grid[2]));
  throw new InvalidQuorums(
    `"${text}" names no quorums: say majority, q1,q2 (such as 4,2) or grid:RxC (such as grid:2x3)`,
  );
}

function checkMembers(members: readonly ServerId[]): void {
  invariant(members.length > 0, 'a cluster has at least one server');
  invariant(new Set(members).size === members.length, 'a server is listed once');
}

function count(servers: number): string {
  return servers === 1 ? '1 server' : `${servers} servers`;
}

function inOrder(
  members: readonly ServerId[],
  preferred: readonly ServerId[],
  avoided: ReadonlySet<ServerId>,
): ServerId[] {
  const order = [...new Set([...preferred, ...members])].filter((server) => members.includes(server));
  return [
    ...order.filter((server) => !avoided.has(server)),
    ...order.filter((server) => avoided.has(server)),
  ];
}

function missingPair(name: string, members: readonly ServerId[], phase1: number, phase2: number): string {
  const [first, last] = [members.slice(0, phase1), members.slice(-phase2)];
  return (
    `quorums ${name} can miss each other: phase 1 could ask {${first.join(', ')}} and phase 2 {${last.join(', ')}}; ` +
    `together they must be more than ${members.length}`
  );
}
