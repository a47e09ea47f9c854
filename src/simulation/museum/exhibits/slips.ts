import { ofMultiPaxos, type Exhibit } from '../exhibit';

const ACCEPTOR = 'protocols/multi-paxos/acceptor.ts';
const CANDIDATE = 'protocols/multi-paxos/candidate.ts';

const OF_PAXOS: readonly Exhibit[] = [
  {
    id: 'X-1',
    name: 'a repeated question is answered before the first answer is durable',
    rule: 'Stable storage is written before the response is sent [Paxos Made Simple, 2.5]',
    story:
      'The same prepare comes twice. The first one is written to the disk and waits for it. For the second one there is nothing new to write, and so nothing to wait for: it is answered at once, with a promise that the disk does not hold yet.',
    schedule:
      'A: prepare 1.0 -> {B}, and again, as its patience is short. B answers the second one and crashes before its sync. Restarted, it votes for lower ballots.',
    edits: [
      {
        file: 'protocols/paxos/acceptor.ts',
        find: 'await this.#environment.storage.write(\n      isNew ? [{ key: slotKey(PROMISED, slot), value: { ...ballot } }] : [],\n    );',
        replace:
          'if (isNew)\n      await this.#environment.storage.write([{ key: slotKey(PROMISED, slot), value: { ...ballot } }]);',
      },
    ],
  },
  {
    id: 'X-2',
    name: 'a read waits for all slots but the last',
    rule: 'A read sees every write that was answered before it began [Charapko et al., Linearizable Quorum Reads in Paxos, 2019]',
    story:
      'A quorum names the highest slot with a vote. The reader waits until all slots below it are carried out. Mostly the last one is carried out as well by then, or was never chosen. When it is the one with the write that was answered a moment ago, the read is stale.',
    schedule:
      'A has x chosen in slot 7 by {A, B} and answers. C, which has carried out 6, reads: {B, C} say 7.',
    edits: [
      {
        file: 'protocols/paxos/replica.ts',
        find: 'await this.#appliedUpTo(highest, deadline);',
        replace: 'await this.#appliedUpTo(highest - 1, deadline);',
      },
    ],
  },
];

/** Slips of one line, as they happen to somebody who knows the rules. */
export const SLIPS: readonly Exhibit[] = [
  ...OF_PAXOS,
  ...ofMultiPaxos([
    {
      id: 'X-3',
      name: 'a vote for the same value is taken for a repeated one',
      rule: 'A vote is for a value under a ballot, and the highest ballot voted for is remembered [Paxos Made Simple, 2.2 and 2.5]',
      story:
        'A new leader proposes again what it found, and the acceptor has that value on its disk already. Why write it twice? Because it was another vote: the ballot has changed. Whoever campaigns later is told of the old ballot, and may take a value between the two for the newer one.',
      schedule:
        'C has slot 5 = x of 1.0. B leads with 2.1 and leaves slot 5 = y -> {B}. A leads with 3.0 by {A, C}: slot 5 = x {A, C}, chosen; C keeps 1.0. B, elected by {B, C}, adopts y.',
      edits: [
        {
          file: ACCEPTOR,
          find: "if (vote === undefined || compareBallots(ballot, vote.ballot) !== 0) return false;\n    invariant(vote.value.id === value.id, 'a ballot proposes one value in a slot');\n    return true;",
          replace: 'return vote?.value.id === value.id;',
        },
      ],
    },
    {
      id: 'X-4',
      name: 'the record that ends at the floor is dropped',
      rule: 'Only votes in slots that are carried out may be dropped [Paxos Made Moderately Complex, 4.2]',
      story:
        'The votes of one message are stored together, and dropped when the floor of the log has passed them. The floor is the first slot that is kept. A record whose last slot is the floor is dropped one slot too early, on the disk alone: as long as the server runs, nobody notices.',
      schedule:
        'A has slots 1 to 4 chosen by {A, B}, in a message each. B has carried out 3, makes a checkpoint, and its floor is 4. B restarts and knows of no vote in 4. C, elected by {B, C}, proposes a no-op in 4.',
      edits: [{ file: ACCEPTOR, find: '=> last < floor;', replace: '=> last <= floor;' }],
    },
    {
      id: 'X-5',
      name: 'the vote that is read back last holds',
      rule: 'An acceptor remembers the highest-numbered proposal that it voted for [Paxos Made Simple, 2.5]',
      story:
        'Two leaders had the slot one after the other, and both votes are on the disk until the slot is done. After a restart they are read back in the order of their keys, each over the one before. That order has nothing to do with the ballots: the records begin with the first slot of their message.',
      schedule:
        'B votes for slots 4 and 5 of 1.0 in two messages, then for both in one message of 2.2, and restarts. Slot 5 is read back last of 1.0. A, elected by {A, B}, adopts that.',
      edits: [
        {
          file: ACCEPTOR,
          find: 'if (other === undefined || compareBallots(ballot, other.ballot) > 0)\n        this.#record',
          replace: 'if (other?.slot !== 0)\n        this.#record',
        },
      ],
    },
    {
      id: 'X-6',
      name: 'a candidate asks from behind its first unchosen slot',
      rule: 'A new leader learns of all votes from its first unchosen slot on [Paxos Made Simple, 3]',
      story:
        'The first slot that is not known to be chosen is one behind the last that is carried out. The candidate asks for the votes from the slot after that. All slots are as they should be, but for one, which gets a no-op.',
      schedule: 'A has slot 7 chosen by {A, B} and dies. C, which has carried out 6, asks {B, C} from 8 on.',
      edits: [
        {
          file: CANDIDATE,
          find: 'const from = this.#learner.applied + 1;',
          replace: 'const from = this.#learner.applied + 2;',
        },
      ],
    },
  ]),
];
