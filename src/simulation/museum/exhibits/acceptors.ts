import type { Exhibit } from '../exhibit';

const ACCEPTOR = 'protocols/paxos/acceptor.ts';
const ROUNDS = 'protocols/log/rounds.ts';
const BALLOT = 'core/ballot.ts';

/** What an acceptor must remember and refuse, and what makes a ballot unique. */
export const ACCEPTORS: readonly Exhibit[] = [
  {
    id: 'P-3',
    name: 'promises are not durable',
    rule: 'An acceptor remembers its highest promise across failures [Paxos Made Simple, 2.5]',
    story:
      'A promise is kept in memory only. After a restart the acceptor votes for ballots that it had promised to refuse, and an old proposer gets the vote it needs behind the back of a newer one.',
    schedule:
      'A: prepare 1.0 {A, B}. B: prepare 2.1 {B, C}. B restarts and has forgotten 2.1. A: accept v1 {A, B}: chosen. B: accept v2 {B, C}: chosen.',
    edits: [
      {
        file: ACCEPTOR,
        find: 'isNew ? [{ key: slotKey(PROMISED, slot), value: { ...ballot } }] : []',
        replace: '[]',
      },
    ],
  },
  {
    id: 'P-3b',
    name: 'promises before it is durable',
    rule: 'Stable storage is written before the response is sent [Paxos Made Simple, 2.5]',
    story:
      'The promise is on its way to the disk when the answer leaves. Nearly always it gets there. When the power goes in that moment, the promise has been given by somebody who knows nothing of it.',
    schedule: 'As P-3, B crashes between its answer and its sync.',
    edits: [
      {
        file: ACCEPTOR,
        find: 'await this.#environment.storage.write(\n      isNew',
        replace: 'void this.#environment.storage.write(\n      isNew',
      },
    ],
  },
  {
    id: 'P-3c',
    name: 'promises are not read back',
    rule: 'An acceptor remembers its highest promise across failures [Paxos Made Simple, 2.5]',
    story:
      'Each promise is written down, synced, and only then given, all by the rules. After a restart nobody looks it up. What is stored and never read is not remembered; as votes are read, most restarts go well.',
    schedule: 'As P-3; 2.1 is on the disk of B, which starts without reading it.',
    edits: [
      {
        file: ACCEPTOR,
        find: 'if (promised !== undefined)\n      this.#record',
        replace: 'if (false)\n      this.#record',
      },
    ],
  },
  {
    id: 'P-4',
    name: 'votes are not durable',
    rule: 'An acceptor remembers its highest vote across failures [Paxos Made Simple, 2.5]',
    story:
      'A vote in memory only. Each restart takes votes back that others have counted; a value that was chosen, and acknowledged to a client, is chosen no longer.',
    schedule:
      'v1 is accepted {A, B}: chosen. B restarts without it. C: prepare 2.2 {B, C}, nothing is reported; v2 {B, C}: chosen.',
    edits: [
      {
        file: ACCEPTOR,
        find: 'repeated ? [] : [{ key: slotKey(ACCEPTED, slot), value: proposal }]',
        replace: '[]',
      },
    ],
  },
  {
    id: 'P-4b',
    name: 'votes before it is durable',
    rule: 'Stable storage is written before the response is sent [Paxos Made Simple, 2.5]',
    story:
      'As with the promise: said first, written a moment later. Databases that acknowledge before they sync have this mistake as an option, often switched on.',
    schedule: 'As P-4, B crashes between its answer and its sync.',
    edits: [
      {
        file: ACCEPTOR,
        find: 'await this.#environment.storage.write(\n      repeated',
        replace: 'void this.#environment.storage.write(\n      repeated',
      },
    ],
  },
  {
    id: 'P-4c',
    name: 'votes are not read back',
    rule: 'An acceptor remembers its highest vote across failures [Paxos Made Simple, 2.5]',
    story:
      'The disk is in order, the start is not: of all that was stored, it takes back the promises only. The acceptor keeps its word, and yet reports an empty slot to whoever asks what it has voted for.',
    schedule: 'As P-4; the vote is on the disk of B, which starts without reading it.',
    edits: [{ file: ACCEPTOR, find: 'if (accepted === undefined) return;', replace: 'return;' }],
  },
  {
    id: 'P-8',
    name: 'a vote does not promise',
    rule: 'An acceptor that voted for a ballot refuses all lower ones; PMS 2.2 says it of answers to prepares only',
    story:
      'Read to the letter, the paper forbids an acceptor to vote for a proposal only if it has *answered a prepare* with a higher number. An acceptor that missed the prepare and got the accept has answered none. It keeps its old promise, and a late accept of a lower ballot overwrites a chosen value.',
    schedule:
      'A: prepare 1.0 {A, C}. B: prepare 2.1 {A, B}, accept v2 {B, C}: chosen; C still promises 1.0. The late accept(1.0, v1) reaches C. C: prepare 3.2 {A, C} sees v1 only.',
    edits: [
      {
        file: ACCEPTOR,
        find: '{ promised: proposal.ballot, accepted: proposal };\n}',
        replace: '{ promised: votes.promised, accepted: proposal };\n}',
      },
    ],
  },
  {
    id: 'P-23',
    name: 'votes for whatever comes',
    rule: 'Phase 2b: no vote for a ballot below the promised one [Paxos Made Simple, 2.2]',
    story:
      'The acceptor promises and then votes for anything. A request that lay about in the network for seconds still gets its vote, although the promise said that it never would.',
    schedule: 'accept(1.0, v1) is delayed until the acceptor has promised 3.2, and voted there.',
    edits: [
      {
        file: ACCEPTOR,
        find: '  if (compareBallots(proposal.ballot, votes.promised) < 0) return undefined;\n  return { promised: proposal.ballot',
        replace: '  return { promised: proposal.ballot',
      },
    ],
  },
  {
    id: 'P-9',
    name: 'rounds come back after a restart',
    rule: 'Different proposals have different numbers; a proposer remembers the highest one it tried [Paxos Made Simple, 2.5]',
    story:
      'A restarted server counts its rounds from the beginning. Its ballot 1.0 now stands for another value than before, and answers meant for the first proposal, still under way, are taken for the second.',
    schedule:
      'A: prepare 1.0 {A, B, C}, accept v1 {A, C}: chosen; copies of the promises of B and C are still under way. A restarts and prepares 1.0 again for v2; the old promises arrive; accept(1.0, v2) {B, C}.',
    edits: [{ file: ROUNDS, find: 'this.#last = this.#reserved;', replace: '' }],
  },
  {
    id: 'P-9b',
    name: 'rounds are used before they are reserved',
    rule: 'A proposer records a number before it uses it [Paxos Made Simple, 2.5]',
    story:
      'The block of rounds is being reserved while the first of them is used already. A crash in between brings the block back.',
    schedule: 'As P-9; the server crashes after its prepare is sent and before the reservation is durable.',
    edits: [{ file: ROUNDS, find: 'await this.#reservation;', replace: '' }],
  },
  {
    id: 'P-10',
    name: 'ballots without a server',
    rule: 'Different proposers draw their numbers from disjoint sets [Paxos Made Simple, 2.5]',
    story:
      'Ballots are compared by their round alone. Two servers that choose round 1 at the same time hold the same ballot, and each takes the promises given to it as its own.',
    schedule:
      'A: prepare 1 {A, B}. B: prepare 1 {B, C}. A: accept v1 {A, B}: chosen. B: accept v2 {B, C}: B takes the equal ballot.',
    edits: [{ file: BALLOT, find: 'a.round - b.round || a.server - b.server', replace: 'a.round - b.round' }],
  },
  {
    id: 'P-10b',
    name: 'ballots are compared as text',
    rule: 'Proposal numbers are totally ordered, and a new round is above all that went before [Paxos Made Simple, 2.2]',
    story:
      'As text, 10.1 comes before 9.2. For the first nine rounds all is well. Then acceptors accept what they promised to refuse.',
    schedule: 'P-8 with the ballots 10.1 and 9.2.',
    edits: [
      {
        file: BALLOT,
        find: 'return a.round - b.round || a.server - b.server',
        replace: 'return formatBallot(a) < formatBallot(b) ? -1 : Number(formatBallot(a) > formatBallot(b))',
      },
    ],
  },
];
