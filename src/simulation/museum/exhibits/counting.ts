import type { Exhibit } from '../exhibit';

const PROPOSER = 'protocols/paxos/proposer.ts';

/** How promises and votes are counted. */
export const COUNTING: readonly Exhibit[] = [
  {
    id: 'P-5',
    name: 'counts answers, not servers',
    rule: 'A quorum is a set of acceptors [Paxos Made Simple, 2.2]',
    story:
      'A network may deliver an answer twice, and a request that is sent again is answered again. Two answers of one server look like two of three votes to a proposer that counts messages.',
    schedule:
      'A reaches itself only; its promise and its vote are doubled: two of three. Meanwhile B and C choose v2.',
    edits: [
      {
        file: 'core/gather.ts',
        find: 'if (settled || replies.has(member)) return;\n      replies.set(member, reply);',
        replace:
          'if (settled) return;\n      let seat = member;\n      for (const other of members) if (replies.has(seat)) seat = other;\n      replies.set(seat, reply);',
      },
    ],
  },
  {
    id: 'P-6',
    name: 'counts promises of an earlier round',
    rule: 'Promises count for the ballot they were given for [Paxos Made Simple, 2.2]',
    story:
      'A promise arrives late, after its proposer has gone on to a higher ballot. It says what its acceptor knew then. Counted for the new round, it hides what the acceptor has voted for since.',
    schedule:
      "A: prepare 1.0; C's promise is delayed. B: prepare and accept v2 with 2.1 {B, C}: chosen. A: prepare 3.0, A promises; the old promise of C arrives and is counted; accept v1 {A, B}: chosen.",
    edits: [
      {
        file: PROPOSER,
        find: 'this.#acceptor(member).prepare(request)',
        replace: `this.#acceptor(member).prepare(request).then((reply) => {
          const kept = ((this.promises ??= new Map()).get(slot) ?? new Map());
          this.promises.set(slot, kept.set(member, reply));
          return reply;
        })`,
      },
      {
        file: PROPOSER,
        find: 'const reported: (Proposal | null)[] = [];\n        for (const [member, reply] of replies) {',
        replace:
          'const reported = [];\n        for (const [member, reply] of this.promises?.get(slot) ?? []) {',
      },
      {
        file: PROPOSER,
        find: "reply.kind !== 'promised' || compareBallots(reply.ballot, ballot) !== 0",
        replace: "reply.kind !== 'promised'",
      },
    ],
  },
  {
    id: 'P-7',
    name: 'counts votes of an earlier round',
    rule: 'Votes count for the ballot they were cast for [Paxos Made Simple, 2.2]',
    story:
      'The same with a late vote. Votes of different ballots, added up, make a majority that never was: between the two ballots the acceptors may have voted for something else.',
    schedule:
      'A: prepare 1.0 {A, C}, accept v1 -> {A}, the answer is late. B: prepare 2.1 {B, C}, accept v2 -> {B}. A: prepare 3.0 {B, C}, adopts v2, accept v2 -> {B}; the old vote of A is counted: v2 is announced. C: prepare 4.2 {A, C} sees v1.',
    edits: [
      {
        file: PROPOSER,
        find: 'this.#acceptor(member).accept(request)',
        replace: `this.#acceptor(member).accept(request).then((reply) => {
          const kept = ((this.votes ??= new Map()).get(slot) ?? new Map());
          this.votes.set(slot, kept.set(member, reply));
          return reply;
        })`,
      },
      {
        file: PROPOSER,
        find: 'const voted = new Set<ServerId>();\n        for (const [member, reply] of replies) {',
        replace:
          'const voted = new Set();\n        for (const [member, reply] of this.votes?.get(slot) ?? []) {',
      },
      {
        file: PROPOSER,
        find: "reply.kind === 'accepted' && compareBallots(reply.ballot, ballot) === 0",
        replace: "reply.kind === 'accepted'",
      },
    ],
  },
  {
    id: 'P-17',
    name: 'adds up votes for a value',
    rule: 'A value is chosen when a quorum votes for one proposal, value and ballot together [Paxos Made Simple, 2.2]',
    story:
      'Votes for the same value are added up whatever their ballots are. It is the same value after all! But Paxos reasons about ballots: a vote that was followed by a higher one elsewhere no longer binds anybody.',
    schedule:
      'A votes (1.0, v). C votes (2.1, w). C: prepare 3.2 {A, B} adopts v, accept -> {B}: "v has A and B". B: prepare 4.1 {A, C}, the highest is (2.1, w): w is chosen.',
    edits: [
      {
        file: PROPOSER,
        find: 'const voted = new Set<ServerId>();',
        replace: 'const voted = ((this.voters ??= {})[`${slot} ${value.id}`] ??= new Set());',
      },
    ],
  },
  {
    id: 'P-20',
    name: 'half is a majority',
    rule: 'Any two quorums have a server in common [Paxos Made Simple, 2.2]',
    story:
      'Half of the servers, rounded up, is a majority when their number is odd. Half rounded down never is: two halves decide, each for itself.',
    schedule: 'n = 3: {A} decides v1, {B} decides v2.',
    edits: [
      {
        file: 'core/quorum.ts',
        find: 'Math.floor(members.length / 2) + 1',
        replace: 'Math.max(1, Math.floor(members.length / 2))',
      },
    ],
  },
  {
    id: 'P-22',
    name: 'the first vote decides',
    rule: 'A value is chosen when a quorum has voted for it [Paxos Made Simple, 2.2]',
    story:
      'The proposer waits for one vote and announces its value; the others, it thinks, will follow. They may just as well follow somebody else, whose quorum does not contain the one that voted first.',
    schedule:
      'A: prepare 1.0 {A, B}, accept v1 -> {A}: announced. B: prepare 2.1 {B, C}, which report nothing; accept v2 {B, C}: chosen.',
    edits: [{ file: PROPOSER, find: 'this.#quorums.isPhase2Quorum(voted)', replace: 'voted.size > 0' }],
  },
  {
    id: 'P-16',
    name: 'learns from a single vote',
    rule: 'A value is chosen when a quorum has voted for it [Paxos Made Simple, 2.3]',
    story:
      'A server takes a value for chosen as soon as its own acceptor has voted for it. A vote is a step on the way, and many lead nowhere.',
    schedule: 'A: accept v1 -> {A}; A applies v1. B with {B, C} chooses v2.',
    edits: [
      {
        file: 'protocols/paxos/replica.ts',
        find: 'return acceptor.accept(request);',
        replace:
          "return acceptor.accept(request).then((reply) => (reply.kind === 'accepted' && this.#learner.learnAll(this.#learner.knows(request.slot) ? [] : [request]), reply));",
      },
    ],
  },
];
