import type { Exhibit } from '../exhibit';

const PROPOSER = 'protocols/paxos/proposer.ts';

/** Quorums other than majorities: which phase needs which. */
export const QUORUMS: readonly Exhibit[] = [
  {
    id: 'F-1',
    name: 'quorums that miss each other',
    rule: 'Every phase-1 quorum shares a server with every phase-2 quorum [Flexible Paxos, 3]',
    story:
      'The check at the start is gone, and somebody asks for three servers in phase 1 and two in phase 2, of five. The next proposer can ask three that have never heard of the value chosen by the other two.',
    schedule: 'n = 5, quorums 3,2: v1 is accepted {D, E}: chosen. A: prepare {A, B, C} hears of nothing.',
    quorums: 'any',
    edits: [
      {
        file: 'core/quorum.ts',
        find: 'if (phase1 + phase2 <= length) throw new InvalidQuorums(missingPair(name, members, phase1, phase2));',
        replace: '',
      },
      {
        file: 'simulation/draw-quorums.ts',
        find: 'const least = servers - phase1 + 1;',
        replace: 'const least = Math.max(1, servers - phase1);',
      },
    ],
  },
  {
    id: 'F-2',
    name: 'phase 1 content with a phase-2 quorum',
    rule: 'Phase 1 must meet every set that can have chosen a value, so it has quorums of its own [Flexible Paxos, 3]',
    story:
      'One size of quorum was enough for so long that the code knows one only. With majorities nobody notices. With a small phase-2 quorum, phase 1 stops too early, and two of these need not meet.',
    schedule: 'n = 5, quorums 4,2: v1 is accepted {D, E}: chosen. A: prepare {A, B} hears of nothing.',
    quorums: 'any',
    edits: [
      {
        file: PROPOSER,
        find: 'this.#quorums.isPhase1Quorum(promised)',
        replace: 'this.#quorums.isPhase2Quorum(promised)',
      },
    ],
  },
  {
    id: 'F-3',
    name: 'a quorum read asks a phase-2 quorum',
    rule: 'A quorum read meets every phase-2 quorum: only a phase-1 quorum surely does [Linearizable Quorum Reads in Paxos; Flexible Paxos, 3]',
    story:
      'A read has to hear of every write that was answered, and those are with some phase-2 quorum. Two phase-2 quorums need not meet: the read asks one, the write is with another, and the read shows what was before.',
    schedule: 'n = 5, quorums 4,2: x = 1 is accepted {D, E} and answered. A read asks {A, B} and shows no x.',
    quorums: 'any',
    edits: [
      {
        file: 'protocols/paxos/replica.ts',
        find: 'this.#quorums.isPhase1Quorum(new Set(replies.keys()))',
        replace: 'this.#quorums.isPhase2Quorum(new Set(replies.keys()))',
      },
    ],
  },
  {
    id: 'F-4',
    name: 'a grid of rows for both phases',
    rule: 'Every phase-1 quorum shares a server with every phase-2 quorum [Flexible Paxos, 3]',
    story:
      'A row is a quorum of the grid, so a row it is, for both phases. Two rows have no server in common: each decides for itself.',
    schedule: 'n = 4, grid:2x2: {A, B} decides v1, {C, D} decides v2.',
    quorums: 'any',
    edits: [
      {
        file: 'core/quorum.ts',
        find: 'return this.#columns.some((column) => column.every((server) => servers.has(server)));',
        replace: 'return this.isPhase1Quorum(servers);',
      },
    ],
  },
];
