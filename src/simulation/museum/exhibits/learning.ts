import type { Exhibit } from '../exhibit';

const LEARNER = 'protocols/log/learner.ts';
const REPLICA = 'protocols/paxos/replica.ts';

/** How chosen values are learned, applied, answered for and kept. */
export const LEARNING: readonly Exhibit[] = [
  {
    id: 'P-13',
    name: 'applies values as they arrive',
    rule: 'Commands are carried out in the order of their instances [Paxos Made Simple, 3]',
    story:
      'Announcements overtake each other. A server that carries out what it hears, when it hears it, ends in another state than one that heard it the other way round.',
    schedule: 'C hears of slot 2 (x = 2) before it hears of slot 1 (x = 1), and ends with x = 1.',
    edits: [
      {
        file: LEARNER,
        find: 'this.#log.learn(slot, value, chosenBy);',
        replace: `this.#log.learn(slot, value, chosenBy);
      if (value.command !== null) (this.results ??= new Map()).set(slot, this.#machine.apply(value.command, slot));`,
      },
      {
        file: LEARNER,
        find: 'this.#machine.apply(value.command as Command, slot)',
        replace: '(this.results?.get(slot) ?? this.#machine.apply(value.command, slot))',
      },
    ],
  },
  {
    id: 'P-14',
    name: 'skips a hole',
    rule: 'A command is carried out when all before it are [Paxos Made Simple, 3]',
    story:
      'Slot 4 is missing, slot 5 is here. "Slot 4 was probably lost." Probably it was chosen, and everybody else carries it out.',
    schedule: "C misses the announcement of slot 1 and gets slot 2's.",
    edits: [
      {
        file: LEARNER,
        find: '#apply(): void {',
        replace:
          '#apply(): void {\n    if (this.#log.highest > this.#applied && !this.#log.get(this.#applied + 1)) this.#applied++;',
      },
    ],
  },
  {
    id: 'P-11',
    name: 'the loser reports success',
    rule: 'A proposer that adopted a value has not had its own chosen [Paxos Made Simple, 2.2]',
    story:
      "The proposer adopted the value of another client, as it must, and had it chosen. Then it tells its own client that all went well. The client's write is nowhere.",
    schedule: 'B adopts v1 in slot 3, v1 is chosen, and B answers for v2.',
    edits: [
      {
        file: REPLICA,
        find: 'if (outcome.value.id === value.id) return slot;\n        continue;',
        replace: 'return slot;',
      },
      {
        file: REPLICA,
        find: 'if (expectation.outcome !== undefined) return expectation.outcome.result;',
        replace:
          'return expectation.outcome?.result ?? { op: command.op, replaced: true, deleted: true, swapped: true, actual: command.expect, slot };',
      },
    ],
  },
  {
    id: 'P-12',
    name: 'a timeout is reported as a failure',
    rule: 'A proposal that was sent may be chosen at any later time [Paxos Made Simple, 2.3]',
    story:
      'The time was over, nobody had answered, so the server tells its client that the write failed. But one acceptor has the vote, and the next proposer of this slot will find and finish it. Only a write that was never sent for a vote has surely failed.',
    schedule: 'A: accept v1 -> {A}, and gives up: "failed". B: prepare {A, B} adopts v1: chosen.',
    edits: [
      {
        file: 'protocols/paxos/proposer.ts',
        find: 'if (proposal.id === value.id) voted = true;',
        replace: '',
      },
    ],
  },
  {
    id: 'P-21',
    name: 'answers when chosen, not when applied',
    rule: 'The result of a command is known when all before it are carried out [Paxos Made Simple, 3]',
    story:
      'The write is chosen in slot 6, so it is safe, and the client is told. Slot 5 is still open: a write that begins now may get it, and so come *before* one that has returned already. And what would the result be?',
    schedule:
      'A has W in slot 5 and X in slot 6; all messages of slot 5 are lost; X is chosen and answered. Y begins at C, wins slot 5, and is ordered before X.',
    edits: [
      {
        file: REPLICA,
        find: 'await this.#learner.until(() => this.#learner.applied >= slot, Math.max(0, deadline - clock.now()));\n      if (expectation.outcome !== undefined) return expectation.outcome.result;',
        replace:
          'if (this.#learner.applied < slot) return { op: command.op, replaced: false, deleted: false, swapped: false, actual: null, slot };\n      if (expectation.outcome !== undefined) return expectation.outcome.result;',
      },
    ],
  },
  {
    id: 'P-18',
    name: 'sells a local read as linearizable',
    rule: 'A read sees every write that was acknowledged before it began [Herlihy, Wing 1990]',
    story:
      'The server asks how far the others are, and then answers from what it has itself. It has often all there is. When it lags behind, the client reads the past and is told it is the present.',
    schedule:
      'A write returned at A (chosen {A, B}). A read at C, which has learned nothing, shows the old value.',
    edits: [{ file: REPLICA, find: 'await this.#appliedUpTo(highest, deadline);', replace: '' }],
  },
  {
    id: 'P-18b',
    name: 'a quorum read asks one server',
    rule: 'A read asks so many that one of any write quorum is among them [Charapko et al., Linearizable Quorum Reads in Paxos, 2019]',
    story:
      'One answer is taken for enough, and the fastest answer is the own. It knows of no slot that the others have filled meanwhile.',
    schedule: 'A write is chosen with {A, B}; a read at C hears of C alone.',
    edits: [
      {
        file: REPLICA,
        find: 'this.#quorums.isPhase1Quorum(new Set(replies.keys()))\n          ? Math.max',
        replace: 'replies.size > 0\n          ? Math.max',
      },
    ],
  },
  {
    id: 'P-19b',
    name: 'forgotten slots count as empty',
    rule: 'What was voted for is reported, or else the slot is refused [Paxos Made Simple, 2.2; truncation: Paxos Made Moderately Complex, 4]',
    story:
      'Old slots are deleted once they are applied. An acceptor that treats a deleted slot as one in which nothing happened promises freely and reports no vote: a slow server gets a second value chosen in a slot that was settled long ago.',
    schedule:
      'Slot 1 is chosen, applied and deleted by A and B. C, which was away, proposes its own value in slot 1.',
    edits: [
      {
        file: 'protocols/paxos/acceptor.ts',
        find: "if (slot < this.#floor) return { kind: 'truncated', floor: this.#floor };\n    const before = this.#votes(slot);\n    const after = promise",
        replace: 'const before = this.#votes(slot);\n    const after = promise',
      },
      {
        file: 'protocols/paxos/acceptor.ts',
        find: "if (slot < this.#floor) return { kind: 'truncated', floor: this.#floor };\n    const before = this.#votes(slot);\n    const proposal",
        replace: 'const before = this.#votes(slot);\n    const proposal',
      },
    ],
  },
  {
    id: 'P-25',
    name: 'never fills a hole',
    rule: 'Gaps are filled with no-ops, or nothing above them is ever carried out [Paxos Made Simple, 3]',
    story:
      'A slot was promised to a proposer that then crashed. Nobody else has a reason to propose there, so it stays open for ever, and all that is chosen above it is never carried out. Nothing false is ever said; nothing is said at all.',
    schedule: 'A claims slot 5 and crashes. Slots 6 and up are chosen. No write is answered any more.',
    edits: [
      {
        file: REPLICA,
        find: 'if (!this.#slots.claimIfFree(slot)) return;',
        replace: 'if (Number(slot) > 0) return;',
      },
    ],
  },
];
