/** Position of a server in the member list, from 0. */
export type ServerId = number;

/** Position in the replicated log, from 1. */
export type Slot = number;

/**
 * A proposal number [Paxos Made Simple, 2.2]: unique to the server that made it, totally ordered by round,
 * then by server. A server never uses one round twice, in any incarnation (see Proposer).
 */
export interface Ballot {
  readonly round: number;
  readonly server: ServerId;
}

/** Below every ballot a proposer can make: "none yet". */
export const NO_BALLOT: Ballot = { round: 0, server: -1 };

/** Negative, zero or positive as `a` is below, equal to or above `b`. Fields are compared as numbers, never as text. */
export function compareBallots(a: Ballot, b: Ballot): number {
  return a.round - b.round || a.server - b.server;
}

/** The higher of two ballots. */
export function maxBallot(a: Ballot, b: Ballot): Ballot {
  return compareBallots(a, b) >= 0 ? a : b;
}

/** `round.server`, for people. */
export function formatBallot(ballot: Ballot): string {
  return `${ballot.round}.${ballot.server}`;
}
