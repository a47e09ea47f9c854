import type { Exhibit } from '../exhibit';

const PROPOSER = 'protocols/paxos/proposer.ts';

/** Which value may be proposed. */
export const ADOPTION: readonly Exhibit[] = [
  {
    id: 'P-1',
    name: 'no adoption',
    rule: 'P2c: a proposer takes over the value of the highest-numbered vote that its quorum reports [Paxos Made Simple, 2.2]',
    story:
      'Promises carry votes back to the proposer so that it can find out what may have been chosen already. This proposer thanks for the news and proposes its own value all the same. As any two quorums share a server, the news was there; it just was not heeded, and a slot gets two values.',
    schedule:
      'A prepares 1.0 {A, B}, v1 is accepted {A, B}: chosen. B prepares 2.1 {B, C}, hears of v1 from B, proposes v2 {B, C}: chosen again.',
    edits: [{ file: PROPOSER, find: 'promises.adopted ?? value', replace: 'value' }],
  },
  {
    id: 'P-2',
    name: 'adopts the first value reported',
    rule: 'P2c: the value of the highest-numbered vote, not of any vote [Paxos Made Simple, 2.2]',
    story:
      'When promises report different votes, only the one with the highest ballot can have been chosen: its proposer had looked at a quorum before. A vote with a lower ballot may be a leftover of a round that came to nothing. Who takes the first answer that comes in takes the leftover half of the time.',
    schedule:
      'A: prepare 1.0 {A, B}, accept v1 -> {A}. B: prepare 2.1 {B, C}, accept v2 {B, C}: chosen. C: prepare 3.2 {A, B}, A answers first; accept v1 {A, B}: chosen again.',
    edits: [
      {
        file: PROPOSER,
        find: '(highest === null || compareBallots(proposal.ballot, highest.ballot) > 0)',
        replace: 'highest === null',
      },
    ],
  },
  {
    id: 'P-2b',
    name: 'adopts the lowest ballot',
    rule: 'P2c: the value of the highest-numbered vote [Paxos Made Simple, 2.2]',
    story:
      'A comparison the wrong way round. It does no harm while all votes in a slot are for one value, and that is nearly always so: tests of the happy path pass for ever.',
    schedule: 'As P-2; the order of the answers does not matter.',
    edits: [
      {
        file: PROPOSER,
        find: 'compareBallots(proposal.ballot, highest.ballot) > 0',
        replace: 'compareBallots(proposal.ballot, highest.ballot) < 0',
      },
    ],
  },
  {
    id: 'P-15',
    name: 'fills holes without phase 1',
    rule: 'Every proposal, of a no-op too, needs the promises of a quorum first [Paxos Made Simple, 2.2 and 3]',
    story:
      'A slot that nobody seems to know is filled with a no-op, so that those above it can be applied. "Nobody seems to know" is an impression: a quorum may have voted, and its announcement be lost. Phase 1 would have found the votes. This server saves the round trip.',
    schedule:
      'v is accepted in slot 4 by {A, B}: chosen; the announcement is lost. C misses slot 4 and sends accept(no-op) with a fresh ballot to {B, C}.',
    edits: [
      {
        file: PROPOSER,
        find: 'await this.#prepare(slot, ballot, attempt, deadline)',
        replace:
          "value.command === null ? { kind: 'promised', adopted: undefined } : await this.#prepare(slot, ballot, attempt, deadline)",
      },
    ],
  },
  {
    id: 'P-24',
    name: 'reports the newest slot only',
    rule: 'Phase 1b: a promise reports the vote in the very slot it is for [Paxos Made Simple, 2.2]',
    story:
      'Somebody found it wasteful to look up old votes and keeps at hand the last one only. A promise for an earlier slot then reports nothing although the acceptor voted there, and the proposer feels free.',
    schedule: 'P-1 in slot 6, while B has voted in slot 7 since.',
    edits: [
      {
        file: 'protocols/paxos/acceptor.ts',
        find: "kind: 'promised', ballot, accepted: after.accepted",
        replace: "kind: 'promised', ballot, accepted: slot === this.#highestAccepted ? after.accepted : null",
      },
    ],
  },
];
