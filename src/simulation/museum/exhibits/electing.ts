import { ofMultiPaxos, type Exhibit } from '../exhibit';
import { TAKEN_FROM_BEHIND } from './snapshots';

const ACCEPTOR = 'protocols/multi-paxos/acceptor.ts';
const CANDIDATE = 'protocols/multi-paxos/candidate.ts';
const STORED_LOG = 'protocols/log/stored-log.ts';

/** One promise for all slots, and what a new leader finds out by it. */
export const ELECTING: readonly Exhibit[] = ofMultiPaxos([
  {
    id: 'MP-2',
    name: 'no-ops over forgotten slots',
    rule: 'A slot without a reported vote gets a no-op only if no acceptor of the quorum has dropped its votes [Paxos Made Moderately Complex, 4.2]',
    story:
      'Acceptors drop the votes of slots that are carried out, and say so with the promise. This candidate looks at the votes only. Where there are none it sees a free slot, and proposes no-ops in the place of a history that everybody else has carried out long ago. Nobody objects: they all have done with those slots.',
    schedule:
      'A and B have dropped slots 1 to 99. C, which has carried out 40, campaigns with {A, C} and proposes no-ops in 41 to 99.',
    edits: [
      {
        file: CANDIDATE,
        find: 'Math.max(...outcome.map(({ chosenUpTo }) => chosenUpTo))',
        replace: '0',
      },
      {
        file: 'protocols/multi-paxos/leader.ts',
        find: 'voters = [...floors].filter(([, floor]) => floor <= slot)',
        replace: 'voters = [...floors]',
      },
    ],
  },
  {
    id: 'MP-24',
    name: 'its own votes are its log',
    rule: 'A vote is not yet a chosen value [Paxos Made Simple, 2.2]',
    story:
      'Why store the log, when the votes are stored? After a restart they are read back as what was chosen. Up to the last checkpoint they are, but for the slots in which this server had voted for something else, which the checkpoint stores. Above it a vote is only a vote: perhaps it was the only one.',
    schedule:
      'A votes for x in slot 5, as the only one, and restarts: x is in its log, and it carries it out. B is elected by {B, C} and has y chosen in 5.',
    edits: [
      {
        file: STORED_LOG,
        find: 'recovered(applied: Slot, floor: Slot): Slot {',
        replace:
          'recovered(applied: Slot, floor: Slot): Slot {\n    for (let slot = applied + 1; this.#voteIn(slot) !== undefined; slot++) this.add(slot, this.#voteIn(slot).value);',
      },
    ],
  },
  {
    id: 'MP-3',
    name: 'begins behind the last vote',
    rule: 'A new leader completes every slot from its first unchosen one on [Paxos Made Simple, 3]',
    story:
      'The new leader looks for the highest slot that anybody voted in, and goes on from there. What lies before it is taken for settled. It need not be: its last votes may have been cast for slots that no quorum ever got, and nobody will ever close them.',
    schedule:
      'A sends slots 1, 2, 3 and dies; 1 is with A, 2 is lost, 3 is with {A, B}. C campaigns with {B, C} and begins at 4.',
    edits: [
      {
        file: CANDIDATE,
        find: 'const firstSlot = this.#learner.applied + 1;',
        replace:
          'const firstSlot = Math.max(this.#learner.applied, ...outcome.flatMap(({ votes }) => votes.map(({ slot }) => slot))) + 1;',
      },
    ],
  },
  {
    id: 'MP-3b',
    name: 'a new leader does not adopt',
    rule: 'P2c, for each slot: the value of the highest-numbered vote reported [Paxos Made Simple, 2.2 and 3]',
    story:
      'The slots that the last leader left open are closed with no-ops, all of them, and the clients may try again. Some of these slots were chosen: a quorum had voted, and only the news of it died with the leader.',
    schedule: 'A has slot 7 chosen with {A, B} and dies. C campaigns with {B, C} and proposes a no-op in 7.',
    edits: [{ file: CANDIDATE, find: 'highest.get(slot)?.value ?? noOp()', replace: 'noOp()' }],
  },
  {
    id: 'MP-3c',
    name: 'a new leader adopts the lowest ballot',
    rule: 'P2c, for each slot: the value of the highest-numbered vote reported [Paxos Made Simple, 2.2 and 3]',
    story:
      'Two leaders were lost one after the other, and both have left a vote in the same slot. The comparison is the wrong way round: the older one wins, though only the newer one can have been chosen.',
    schedule:
      'A: slot 7 = x -> {A}. B, elected by {B, C}: slot 7 = y {B, C}: chosen. C, elected by {A, C}, adopts x.',
    edits: [
      {
        file: CANDIDATE,
        find: 'compareBallots(vote.ballot, other.ballot) > 0',
        replace: 'compareBallots(vote.ballot, other.ballot) < 0',
      },
    ],
  },
  {
    id: 'MP-3d',
    name: 'leaves holes open',
    rule: 'Holes are filled with no-ops, or nothing above them is ever carried out [Paxos Made Simple, 3]',
    story:
      'The new leader sees to all slots with a vote. One in between has none, so there is nothing to see to. Nobody will ever propose there again, and all that is chosen above it waits for ever.',
    schedule: 'A sends slots 2 and 3 and dies; 2 is lost. C adopts 3 and goes on with 4.',
    edits: [
      {
        file: 'protocols/multi-paxos/leader.ts',
        find: 'this.#propose(inherited.slice(from, to), true);',
        replace:
          'this.#propose(inherited.slice(from, to).filter(({ value }) => value.command !== null), true);',
      },
    ],
  },
  {
    id: 'MP-6',
    name: 'promises for the slots that exist',
    rule: 'The promise of a leader election holds for all slots, those without a vote too [Paxos Made Simple, 3]',
    story:
      'The acceptor keeps its promise wherever it has a vote to protect. In a slot that it has never heard of there is nothing to protect, so it takes what comes: the old leader, whose message was delayed, gets a slot chosen behind the back of the new one.',
    schedule:
      'A leads with 1.0. C is elected with 2.2 by {B, C}. A: accept(1.0, 50 = x) reaches B: chosen by {A, B}. C: accept(2.2, 50 = y) {B, C}: chosen again.',
    edits: [
      {
        file: ACCEPTOR,
        find: 'Promise<AcceptReply> {\n    const promised = this.#promised;',
        replace:
          'Promise<AcceptReply> {\n    const noted = this.#promised;\n    const promised = entries.some(({ slot }) => this.#votes.has(slot)) ? noted : NO_BALLOT;',
      },
      {
        file: ACCEPTOR,
        find: 'const floor = this.#floorFor(entries);\n    this.#promised = ballot;',
        replace: 'const floor = this.#floorFor(entries);\n    this.#promised = maxBallot(noted, ballot);',
      },
      {
        file: ACCEPTOR,
        find: 'compareBallots(ballot, promised) > 0 ? [promiseOf(ballot)] : [];',
        replace: 'compareBallots(ballot, noted) > 0 ? [promiseOf(ballot)] : [];',
      },
    ],
  },
  {
    id: 'MP-7',
    name: 'counts half a promise',
    rule: 'A promise reports every vote, in however many messages [Paxos Made Simple, 2.2]',
    story:
      'An acceptor with many votes reports them in several messages. The first one carries the word "promised" already, and the candidate counts it. The votes in the others are as good as never cast.',
    schedule:
      'B reports slots 1 and 2, then 3. The candidate does not wait for 3, which B and A have chosen.',
    edits: [{ file: CANDIDATE, find: 'next = reply.next;', replace: 'next = null;' }],
  },
  {
    id: 'MP-10',
    name: 'sessions are missing in the snapshot',
    rule: 'What decides over repeated commands is part of the state [Ongaro, Consensus, 6.3]',
    story:
      'A server that was away takes over a snapshot of keys and values. When a client repeats a write to the next leader, it is proposed once more; all ignore the second copy but the server that has never heard of the first.',
    schedule: 'C takes over a snapshot. A write that is in it comes again after the leader changed.',
    edits: [
      {
        file: 'kv/store.ts',
        find: 'return [...records, ...this.#sessions.snapshot()];',
        replace: 'return records;',
      },
    ],
  },
  {
    id: 'MP-11',
    name: 'an old snapshot overwrites newer state',
    rule: 'A snapshot is taken only from ahead [Paxos Made Live, 5.5]',
    story:
      'The server asked for a snapshot while it was behind. The leader is heard again meanwhile and brings it up to date, the ordinary way. Then the last piece of the snapshot arrives, and is installed.',
    schedule: 'C asks for a snapshot of slot 20, follows the leader up to 25, then installs 20.',
    edits: TAKEN_FROM_BEHIND,
  },
  {
    id: 'MP-11b',
    name: 'a checkpoint takes all votes with it',
    rule: 'Only votes in slots that are carried out may be dropped [Paxos Made Moderately Complex, 4.2]',
    story:
      'The log is cut at a checkpoint. The votes above it, for slots that are under way, go as well: the next candidate is told that nobody has ever voted there.',
    schedule:
      'B has votes in 21 and 22, with A, so both are chosen. B makes a checkpoint of 20. C campaigns with {B, C} and hears of nothing.',
    edits: [
      {
        file: ACCEPTOR,
        find: 'for (const [slot] of slotsWithin(this.#votes, this.#floor, floor - 1)) this.#votes.delete(slot);',
        replace: 'if (floor > this.#floor) this.#votes.clear();',
      },
      { file: ACCEPTOR, find: '=> last < floor;', replace: '=> last < Infinity;' },
    ],
  },
  {
    id: 'MP-16',
    name: 'promises are not durable',
    rule: 'An acceptor remembers its highest promise across failures [Paxos Made Simple, 2.5]',
    story:
      'One promise holds for all slots, so a forgotten one is worse than with one promise per slot: after the restart, the old leader gets votes again wherever it likes.',
    schedule:
      'A leads with 1.0. C is elected with 2.2 by {B, C}. B restarts. A: accept(1.0, 50 = x) {A, B}: chosen. C: accept(2.2, 50 = y) {B, C}: chosen again.',
    edits: [{ file: ACCEPTOR, find: 'isNew ? [promiseOf(ballot)] : []', replace: '[]' }],
  },
  {
    id: 'MP-16b',
    name: 'the promise of a vote is not stored',
    rule: 'An acceptor that voted for a ballot refuses all lower ones, for ever [Paxos Made Simple, 2.2 and 2.5]',
    story:
      'A vote promises too, and the vote is stored, with its ballot: why store the ballot twice? Because votes are dropped when their slots are carried out. Then the disk holds nothing that tells of the ballot any more.',
    schedule:
      'B missed the election of C and learned of 2.2 by a vote in slot 9. Slot 9 is carried out and dropped. B restarts and votes for 1.0.',
    edits: [
      {
        file: ACCEPTOR,
        find: 'compareBallots(ballot, promised) > 0 ? [promiseOf(ballot)] : [];',
        replace: '[];',
      },
    ],
  },
  {
    id: 'MP-16c',
    name: 'a vote does not promise',
    rule: 'An acceptor that voted for a ballot refuses all lower ones; PMS 2.2 says it of answers to prepares only',
    story:
      'An acceptor that missed the election gets the first message of the new leader and votes. It has promised nothing to anybody, it thinks, and goes on to vote for the old leader as well, over its own newer vote.',
    schedule:
      'C is elected with 2.2 by {A, C}, slot 5 = y {B, C}: chosen. The late accept(1.0, 5 = x) reaches B. A, elected by {A, B}, sees x only.',
    edits: [
      {
        file: ACCEPTOR,
        find: 'const floor = this.#floorFor(entries);\n    this.#promised = ballot;',
        replace: 'const floor = this.#floorFor(entries);',
      },
    ],
  },
  {
    id: 'MP-17',
    name: 'votes are not durable',
    rule: 'An acceptor remembers its highest vote across failures [Paxos Made Simple, 2.5]',
    story: 'The votes are kept in memory, where they are needed. Each restart takes some of them back.',
    schedule:
      'Slot 7 = x is accepted {A, B}: chosen. B restarts. C is elected by {B, C}, hears of nothing, and proposes y in 7.',
    edits: [{ file: ACCEPTOR, find: 'if (fresh.length > 0) changes.push(', replace: 'void (' }],
  },
  {
    id: 'MP-17b',
    name: 'votes before it is durable',
    rule: 'Stable storage is written before the response is sent [Paxos Made Simple, 2.5]',
    story:
      'The votes are on their way to the disk as the answer leaves. For a leader that counts its own vote first of all, that is half of a quorum of three which may never have existed.',
    schedule: 'As MP-17, B crashes between its answer and its sync.',
    edits: [
      {
        file: ACCEPTOR,
        find: 'await this.#environment.storage.write(changes);',
        replace: 'void this.#environment.storage.write(changes);',
      },
    ],
  },
  {
    id: 'MP-18',
    name: 'ballots come back after a restart',
    rule: 'Different leaders have different ballots, over restarts too [Paxos Made Simple, 2.5]',
    story:
      'A restarted server counts its rounds from the beginning and leads under a ballot that it has led under before. Old votes count for new values.',
    schedule:
      'A leads with 1.0: slot 1 = x -> {B}. A restarts and leads with 1.0 again: slot 1 = y. B has voted already, it says.',
    edits: [{ file: 'protocols/log/rounds.ts', find: 'this.#last = this.#reserved;', replace: '' }],
  },
  {
    id: 'MP-19',
    name: 'phase 1 content with a phase-2 quorum',
    rule: 'Phase 1 must meet every set that can have chosen a value, so it has quorums of its own [Flexible Paxos, 3]',
    story:
      'Votes of two of five are enough to choose, as it was configured. The candidate asks as few for their promises, and may ask two who have never heard of what the other two have chosen.',
    schedule: 'n = 5, quorums 4,2: slot 7 is chosen by {D, E}. A is elected by {A, B}, and hears of nothing.',
    quorums: 'any',
    edits: [
      {
        file: CANDIDATE,
        find: 'standing(this.#quorums, 1, new Set(promises.keys()), refused)',
        replace: 'standing(this.#quorums, 2, new Set(promises.keys()), refused)',
      },
    ],
  },
]);
