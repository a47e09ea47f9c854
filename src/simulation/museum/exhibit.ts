import type { ProtocolName } from '../../protocols/registry';
import type { Edit } from './mutant';

/** A mistake: the change of the source that makes it, and in whose runs it shows. */
export interface Mistake {
  readonly id: string;
  readonly name: string;
  /** In whose runs it shows; left out: in those of Paxos. */
  readonly protocol?: ProtocolName;
  /** The quorums under which it shows. Left out: it shows under majorities too. */
  readonly quorums?: string;
  readonly edits: readonly Edit[];
}

/**
 * A known mistake, what it is, and why it is one. Its id is as in the literature of this project: P for the schedules of
 * Paxos, MP for those of Multi-Paxos, F for flexible quorums, S for store, client and server around them, L for what shows
 * under load.
 */
export interface Exhibit extends Mistake {
  /** The rule that it breaks, and where that is written. */
  readonly rule: string;
  /** For a student who meets it for the first time. */
  readonly story: string;
  /** The mildest course of events known to show it. `1.0` is round 1 of server 0; `-> {A, B}` reaches only these. */
  readonly schedule: string;
}

/** Mistakes that only Multi-Paxos has room for. */
export function ofMultiPaxos(mistakes: readonly Omit<Exhibit, 'protocol'>[]): readonly Exhibit[] {
  return mistakes.map((mistake) => ({ ...mistake, protocol: 'multi-paxos' }));
}
