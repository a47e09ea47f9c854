import { z } from 'zod';
import type { Json } from '../../core/json';
import type { Lane } from '../../core/environment';
import type { Method, Schema, Service } from '../../core/rmi';

/**
 * What the roles say to each other [Paxos Made Simple, 2.2, 2.3]. One schema for each message: it checks what
 * comes over the wire and gives the type.
 */

const slot = z.int().min(1);
const ballot = z.object({ round: z.int().min(1), server: z.int().min(0) });
const value = z.object({
  id: z.string().min(1).max(100),
  /** Opaque to the protocol. Null is the no-op, which leaves the state machine as it is [PMS, 3]. */
  command: z.custom<Json>((command) => command !== undefined),
});
const proposal = z.object({ ballot, value });

/** A command and who proposed it. Two values are the same if their ids are. */
export type Value = z.output<typeof value>;

/** A value under a ballot: what an acceptor votes for. */
export type Proposal = z.output<typeof proposal>;

const rejected = z.object({ kind: z.literal('rejected'), promised: ballot });
const truncated = z.object({ kind: z.literal('truncated'), floor: slot });

/** A refusal that names the higher ballot the acceptor has promised. */
export type Rejected = z.output<typeof rejected>;

/** The slot was chosen and applied so long ago that the acceptor no longer keeps it. */
export type Truncated = z.output<typeof truncated>;

const prepareReply = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('promised'),
    ballot,
    accepted: proposal.nullable().describe('the proposal with the highest ballot this acceptor voted for'),
  }),
  rejected,
  truncated,
]);
export type PrepareReply = z.output<typeof prepareReply>;

const acceptReply = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('accepted'), ballot }),
  rejected,
  truncated,
]);
export type AcceptReply = z.output<typeof acceptReply>;

function method<Params, Result>(
  lane: Lane,
  params: Schema<Params>,
  result: Schema<Result>,
): Method<Params, Result> {
  return { lane, params, result };
}

const nothing = z.object({});

export const ACCEPTOR_METHODS = {
  /** Phase 1. */
  prepare: method('vote', z.object({ slot, ballot }), prepareReply),
  /** Phase 2. */
  accept: method('vote', z.object({ slot, ballot, value }), acceptReply),
  /** The highest slot in which this acceptor ever accepted a value; 0 for none. For quorum reads. */
  highestAccepted: method('vote', nothing, z.object({ slot: z.int().min(0) })),
};
export type AcceptorService = Service<typeof ACCEPTOR_METHODS>;

const snapshotRecord = z.tuple([z.string(), z.custom<Json>()]);

export const LEARNER_METHODS = {
  /** `value` is chosen in `slot`. Said only by one who counted a quorum for exactly this slot and ballot, or learned it so. */
  learn: method('news', z.object({ slot, value }), z.null()),
  /** How far this learner is. */
  position: method('vote', nothing, z.object({ applied: z.int().min(0), highestChosen: z.int().min(0) })),
  /** Chosen values from slot `from` on, as many as fit; and the floor below which only a snapshot helps. */
  chosen: method(
    'bulk',
    z.object({ from: slot }),
    z.object({ floor: slot, entries: z.array(z.object({ slot, value })) }),
  ),
  /** A piece of the state after `slot`; 0 asks for a new snapshot. `next` is null on the last piece. */
  snapshot: method(
    'bulk',
    z.object({ slot: z.int().min(0), from: z.int().min(0) }),
    z.object({ slot: z.int().min(0), records: z.array(snapshotRecord), next: z.int().nullable() }),
  ),
};
export type LearnerService = Service<typeof LEARNER_METHODS>;

export type SnapshotPiece = Awaited<ReturnType<LearnerService['snapshot']>>;
