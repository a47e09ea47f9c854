import type { ServerId } from '../core/ballot';

/**
 * The quorums of the servers 0, 1, ... as those count them who judge a run. Written anew, so that a mistake in the
 * servers' own counting is noticed.
 */
export interface JudgedQuorums {
  isPhase1Quorum(servers: ReadonlySet<ServerId>): boolean;
  isPhase2Quorum(servers: ReadonlySet<ServerId>): boolean;
}

/** `majority`, `q1,q2` or `grid:RxC`; whether two quorums can miss each other is not asked here. */
export function judgedQuorums(quorums: string, servers: number): JudgedQuorums {
  const [, rows, columns] = /^grid:(\d+)x(\d+)$/.exec(quorums)?.map(Number) ?? [];
  if (rows !== undefined && columns !== undefined) {
    const line = (length: number, idAt: (index: number) => ServerId): ServerId[] =>
      Array.from({ length }, (_, index) => idAt(index));
    return {
      isPhase1Quorum: (given) =>
        line(rows, (row) => row).some((row) =>
          line(columns, (index) => row * columns + index).every((id) => given.has(id)),
        ),
      isPhase2Quorum: (given) =>
        line(columns, (column) => column).some((column) =>
          line(rows, (index) => index * columns + column).every((id) => given.has(id)),
        ),
    };
  }
  const half = Math.floor(servers / 2) + 1;
  const [phase1 = half, phase2 = half] = quorums === 'majority' ? [] : quorums.split(',').map(Number);
  return {
    isPhase1Quorum: (given) => given.size >= phase1,
    isPhase2Quorum: (given) => given.size >= phase2,
  };
}
