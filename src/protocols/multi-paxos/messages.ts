import { z } from 'zod';
import type { Service } from '../../core/rmi';
import { method, nothing, slot, value } from '../log/messages';

/**
 * What the servers say to each other [Paxos Made Simple, 3; Paxos Made Moderately Complex, 2]. One schema for each
 * message: it checks what comes over the wire and gives the type. Which timer resends what is told in
 * docs/protocols/multi-paxos.md.
 */

const ballot = z.object({ round: z.int().min(1), server: z.int().min(0) });
const slotOrNone = z.int().min(0);
const entry = z.object({ slot, value });
const vote = z.object({ slot, ballot, value });

/** A value for a slot, under the ballot of the message that carries it. */
export type Entry = z.output<typeof entry>;

/** What an acceptor voted for last in a slot. */
export type Vote = z.output<typeof vote>;

const rejected = z.object({ kind: z.literal('rejected'), promised: ballot });

/** A refusal that names the higher ballot the acceptor has promised. */
export type Rejected = z.output<typeof rejected>;

const prepareReply = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('promised'),
    ballot,
    votes: z.array(vote),
    next: slot.nullable().describe('ask again from here for the rest; null: this is all'),
    floor: slot.describe('slots below it are chosen, and their votes dropped'),
    applied: slotOrNone,
  }),
  rejected,
]);
export type PrepareReply = z.output<typeof prepareReply>;

const acceptReply = z.discriminatedUnion('kind', [
  /** A vote for each entry from `floor` on. Slots below it are chosen, and this is no vote in them. */
  z.object({ kind: z.literal('accepted'), ballot, floor: slot }),
  rejected,
]);
export type AcceptReply = z.output<typeof acceptReply>;

const heartbeatReply = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('following'), ballot, applied: slotOrNone }),
  rejected,
]);
export type HeartbeatReply = z.output<typeof heartbeatReply>;

const preVoteReply = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('granted') }),
  z.object({ kind: z.literal('refused'), promised: ballot.nullable() }),
]);
export type PreVoteReply = z.output<typeof preVoteReply>;

export const ACCEPTOR_METHODS = {
  /** Phase 1, for all slots at once; reports the votes from slot `from` on, piece by piece. */
  prepare: method('vote', z.object({ ballot, from: slot }), prepareReply),
  /** Phase 2, for several slots. All slots up to `chosenUpTo` are chosen, with this ballot's value where it has one. */
  accept: method(
    'vote',
    z.object({ ballot, entries: z.array(entry).min(1), chosenUpTo: slotOrNone }),
    acceptReply,
  ),
  /** The leader lives, and what is chosen. The answer tells that it still is the leader here. */
  heartbeat: method('vote', z.object({ ballot, chosenUpTo: slotOrNone }), heartbeatReply),
  /** Would you promise this ballot? Changes nothing. */
  preVote: method('vote', z.object({ ballot }), preVoteReply),
};
export type AcceptorService = Service<typeof ACCEPTOR_METHODS>;

const notLeading = z.object({ kind: z.literal('not-leading') });

const commandReply = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('chosen'), slot }),
  /** Not the leader under this ballot; the command was not and will not be proposed for this call. */
  notLeading,
  /** Refused for now, likewise. */
  z.object({ kind: z.literal('overloaded') }),
  /** It was proposed, and another leader decides what becomes of it. */
  z.object({ kind: z.literal('overtaken') }),
]);
export type CommandReply = z.output<typeof commandReply>;

const readReply = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('index'), slot: slotOrNone, chosenUpTo: slotOrNone }),
  notLeading,
]);
export type ReadReply = z.output<typeof readReply>;

/** What the other servers ask of the one that leads under `ballot`, and it of its successor. */
export const LEADER_METHODS = {
  /**
   * Has a value chosen. It is proposed once per ballot and attempt, however often the call is sent. Attempts count from
   * 1; only values that take effect once however often they are chosen have more than one.
   */
  propose: method('command', z.object({ ballot, value, attempt: z.int().min(1) }), commandReply),
  /** A slot whose state shows every command that was answered before this call. It need not be chosen yet. */
  readIndex: method('command', z.object({ ballot }), readReply),
  /** The leader of `ballot` stops: campaign at once. */
  takeOver: method('command', z.object({ ballot }), nothing),
};
export type LeaderService = Service<typeof LEADER_METHODS>;
