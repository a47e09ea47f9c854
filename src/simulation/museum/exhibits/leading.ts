import { ofMultiPaxos, type Exhibit } from '../exhibit';

const FOLLOWER = 'protocols/multi-paxos/follower.ts';
const LEADER = 'protocols/multi-paxos/leader.ts';
const OPERATIONS = 'protocols/multi-paxos/operations.ts';

/** What a leader counts, what its followers believe, and what both tell their clients. */
export const LEADING: readonly Exhibit[] = ofMultiPaxos([
  {
    id: 'MP-1',
    name: 'a vote of an older ballot is applied',
    rule: 'Of a slot that the leader calls chosen, the own vote is the value only if it is of the same ballot [Paxos Made Simple, 2.3]',
    story:
      'The leader says that all slots up to 5 are chosen. The follower has a vote in slot 5, so that must be it. But the vote is of the leader before, who got no further than this one server; the new leader has had another value chosen there.',
    schedule:
      'n = 5. A: slot 5 = x -> {A, C}. B, elected by {B, D, E}: slot 5 = y {B, D, E}: chosen. C hears the heartbeat of B, "chosen up to 5", before anything else, and applies x.',
    edits: [
      {
        file: FOLLOWER,
        find: 'if (vote === undefined || compareBallots(vote.ballot, this.#ballot) !== 0) break;',
        replace: 'if (vote === undefined) break;',
      },
    ],
  },
  {
    id: 'MP-4',
    name: 'reads before the inherited slots are chosen',
    rule: 'A new leader reads only from a state that holds all it inherited [Ongaro, Consensus, 6.4]',
    story:
      'The last leader answered a write and died. The new one has found the votes, and is about to have them chosen once more. A read comes first. It really is the leader, and can prove it, and shows the state without that write.',
    schedule: 'A has slot 9 chosen, answers, and dies. B is elected, inherits 9, and answers a read from 8.',
    edits: [
      {
        file: LEADER,
        find: 'const slot = Math.max(this.#chosenUpTo, this.#inheritedUpTo, this.#learner.highestChosen);',
        replace: 'const slot = this.#chosenUpTo;',
      },
    ],
  },
  {
    id: 'MP-5',
    name: 'reads without asking who leads',
    rule: 'Before a read a leader makes sure, with a quorum, that it still is one [Ongaro, Consensus, 6.4]',
    story:
      'Nobody has told this server that it is not the leader any more. Of course not: it is cut off, or was paused. The others have elected another one and gone on, and its own clients read the past.',
    schedule:
      'A leads, and is cut off from B and C with one client. B is elected; x = 2 is written. The client reads x = 1 at A.',
    edits: [
      {
        file: LEADER,
        find: 'this.#heartbeats.hasLease || (await this.#heartbeats.confirm());',
        replace: '!this.#ended;',
      },
    ],
  },
  {
    id: 'MP-5b',
    name: 'follows whoever sends a heartbeat',
    rule: 'Who has promised a higher ballot confirms no lower one [Ongaro, Consensus, 6.4]',
    story:
      'A heartbeat only asks "are you there?", so the follower says yes. The old leader takes it for "you are still my leader", and serves its reads.',
    schedule:
      'A is paused, B is elected by {B, C}, x = 2 is written. A goes on, C answers its heartbeat, a client reads x = 1 at A.',
    edits: [
      {
        file: 'protocols/multi-paxos/acceptor.ts',
        find: "return compareBallots(ballot, promised) < 0\n      ? { kind: 'rejected', promised }\n      :",
        replace: 'return',
      },
      {
        file: 'protocols/multi-paxos/replica.ts',
        find: 'if (compareBallots(request.ballot, ballot) < 0)\n          return',
        replace: 'if (Number.isNaN(ballot.round))\n          return',
      },
    ],
  },
  {
    id: 'MP-5c',
    name: 'a follower does not wait for the index',
    rule: 'A read at slot 9 is answered from a state that holds slot 9 [Ongaro, Consensus, 6.4]',
    story:
      'The follower asks the leader for the slot that a read must see, all by the rules, and gets it. Then it answers from the state that it has.',
    schedule: 'A write in slot 9 is answered by A. C asks A, is told 9, has applied 8, and answers.',
    edits: [
      {
        file: OPERATIONS,
        find: 'await this.#learner.until(() => this.#learner.applied >= index, Math.max(0, deadline - clock.now()));\n    if (this.#learner.applied < index)',
        replace: 'if (index < 0)',
      },
    ],
  },
  {
    id: 'MP-8',
    name: 'counts votes of an earlier term',
    rule: 'A value is chosen when a quorum votes for it under one ballot [Paxos Made Simple, 2.2]',
    story:
      'A server leads, loses, and leads again. It keeps its list of who has voted in which slot; a vote is a vote. The value in that slot may be another one by now, and so the quorum it counts never was.',
    schedule:
      'n = 5. A with 1.0: slot 7 = x -> {B}; the answer is late. A, elected again with 3.0 by {A, C, D}: slot 7 = z {A, C}; the old vote of B is counted: "chosen". B, elected by {B, D, E}, adopts x.',
    edits: [
      {
        file: LEADER,
        find: "if (reply.kind === 'accepted') this.#heartbeats.answered(member);",
        replace: `if (reply.kind === 'accepted') {
      this.#heartbeats.answered(member);
      const kept = (this.#acceptors.voted ??= new Map());
      for (const { slot } of request.entries) kept.set(slot, (kept.get(slot) ?? new Map()).set(member, reply.floor));
    }`,
      },
      {
        file: LEADER,
        find: 'const floors = new Map<ServerId, Slot>();',
        replace: 'const floors = new Map(this.#acceptors.voted?.get(entries[0].slot));',
      },
    ],
  },
  {
    id: 'MP-12',
    name: 'answers above a hole',
    rule: 'The result of a command is known when all before it are carried out [Paxos Made Simple, 3]',
    story:
      'Slots travel side by side, and 6 is chosen before 5. The leader answers for 6: it is safe, is it not? What it does depends on 5, which is not settled. And who hears the answer takes it to mean what it always means: everything up to 6 is chosen.',
    schedule:
      'n = 5. Slot 6 is chosen, 5 has the votes of A and B. A answers B for 6; B takes its vote in 5 for chosen.',
    edits: [
      {
        file: LEADER,
        find: 'this.#chosen.add(slot);\n',
        replace:
          "this.#chosen.add(slot);\n      this.#proposals.get(slot)?.settle({ kind: 'chosen', slot });\n",
      },
    ],
  },
  {
    id: 'MP-20',
    name: 'takes inherited slots for chosen',
    rule: 'A value that was voted for is chosen when a quorum has voted for it under one ballot [Paxos Made Simple, 2.2]',
    story:
      'The new leader has adopted what it found, so these slots have their values now. It tells its followers that they are chosen. They are when a quorum has voted under the new ballot, and until then some other leader may see to it that they never are.',
    schedule: 'B is elected, inherits slot 7 = x, and says "chosen up to 7" to all before anybody has voted.',
    edits: [
      {
        file: LEADER,
        find: 'this.#chosenUpTo = parts.firstSlot - 1;',
        replace: 'this.#chosenUpTo = parts.firstSlot - 1 + parts.inheritedSlots;',
      },
    ],
  },
  {
    id: 'MP-20b',
    name: 'takes the read index for chosen',
    rule: 'What a reader must wait for is not what it may apply [Ongaro, Consensus, 6.4]',
    story:
      'The leader tells a follower up to which slot a read must see, inherited slots included. The follower takes that for news of what is chosen, and applies its votes. This was in the code once, for an afternoon.',
    schedule: 'B inherits slots 8 and 9. C asks for a read index, gets 9, and applies its vote in 9.',
    edits: [
      {
        file: 'protocols/multi-paxos/requests.ts',
        find: 'this.#follower.heard(ballot, index.chosenUpTo);',
        replace: 'this.#follower.heard(ballot, index.slot);',
      },
    ],
  },
  {
    id: 'MP-21',
    name: 'all slots up to the highest chosen one',
    rule: 'Chosen up to a slot means every slot up to it [Paxos Made Simple, 3]',
    story:
      'Slot 6 is chosen, so the leader announces 6. A follower that has voted in 5 and 6 applies both. Slot 5 has two votes of five so far.',
    schedule: 'n = 5. Slot 5 -> {A, B}, slot 6 {A, B, C}: chosen. A says "chosen up to 6", and B applies 5.',
    edits: [
      {
        file: LEADER,
        find: 'while (this.#chosen.delete(this.#chosenUpTo + 1)) {',
        replace:
          'for (const { slot } of entries) for (let below = this.#chosenUpTo + 1; below < slot; below++) this.#chosen.add(below);\n    while (this.#chosen.delete(this.#chosenUpTo + 1)) {',
      },
    ],
  },
  {
    id: 'MP-22',
    name: 'the first vote decides',
    rule: 'A value is chosen when a quorum has voted for it [Paxos Made Simple, 2.2]',
    story:
      'The leader is stable, nobody has contradicted it for hours, and one vote is as good as three. Then it is cut off: what it answered with one vote, its own, is known to nobody else.',
    schedule: 'A: slot 7 = x -> {A}: answered. A is cut off. B, elected by {B, C}, puts y into slot 7.',
    edits: [
      {
        file: LEADER,
        find: 'this.#settings.quorums.isPhase2Quorum(new Set(voters))',
        replace: 'voters.length > 0',
      },
    ],
  },
  {
    id: 'MP-23',
    name: 'what a lost leader proposed has failed',
    rule: 'A proposal that was sent may be chosen at any later time [Paxos Made Simple, 2.3]',
    story:
      'The leader meets a higher ballot and steps down. To those who wait it says: not proposed, try elsewhere. For those in its queue that is true. Of those it had sent, any vote may be found by the next leader, and the value be chosen.',
    schedule:
      'A: slot 7 = x -> {B}. A steps down; the client is told "surely not done". B is elected and adopts x.',
    edits: [
      {
        file: LEADER,
        find: "settle({ kind: 'overtaken' })",
        replace: "settle({ kind: 'not-leading' })",
      },
    ],
  },
]);
