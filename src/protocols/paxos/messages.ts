import { z } from 'zod';
import type { Service } from '../../core/rmi';
import { method, nothing, slot, value } from '../log/messages';

/**
 * What proposers and acceptors say to each other [Paxos Made Simple, 2.2]. One schema for each message: it checks what
 * comes over the wire and gives the type.
 */

const ballot = z.object({ round: z.int().min(1), server: z.int().min(0) });
const proposal = z.object({ ballot, value });

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

export const ACCEPTOR_METHODS = {
  /** Phase 1. */
  prepare: method('vote', z.object({ slot, ballot }), prepareReply),
  /** Phase 2. */
  accept: method('vote', z.object({ slot, ballot, value }), acceptReply),
  /** The highest slot in which this acceptor ever accepted a value; 0 for none. For quorum reads. */
  highestAccepted: method('vote', nothing, z.object({ slot: z.int().min(0) })),
};
export type AcceptorService = Service<typeof ACCEPTOR_METHODS>;
