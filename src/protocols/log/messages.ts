import { z } from 'zod';
import type { Json } from '../../core/json';
import type { Lane } from '../../core/environment';
import type { Method, Schema, Service } from '../../core/rmi';

/** What learners say to each other, whatever protocol filled the log [Paxos Made Simple, 2.3]. */

export const slot = z.int().min(1);
export const value = z.object({
  id: z.string().min(1).max(100),
  /** Opaque to the protocol. Null is the no-op, which leaves the state machine as it is [PMS, 3]. */
  command: z.custom<Json>((command) => command !== undefined),
});

/** A command and who proposed it. Two values are the same if their ids are. */
export type Value = z.output<typeof value>;

export function method<Params, Result>(
  lane: Lane,
  params: Schema<Params>,
  result: Schema<Result>,
): Method<Params, Result> {
  return { lane, params, result };
}

export const nothing = z.object({});

/** Names one offer of one incarnation of a server, and nothing else, ever. */
const offer = z.string().min(1).max(100);
const snapshotRequest = z.object({ offer: offer.nullable(), from: z.int().min(0) });
const snapshotPiece = z.object({
  kind: z.literal('piece'),
  offer,
  /** The records are the state after this slot. */
  slot,
  /** Of all records in the offer. */
  count: z.int().min(0),
  from: z.int().min(0),
  records: z.array(z.tuple([z.string(), z.custom<Json>()])),
  /** Of all records in the offer, in their order; with the last piece only. */
  digest: z.string().nullable(),
});
const snapshotAnswer = z.discriminatedUnion('kind', [
  snapshotPiece,
  /** The offer is not there, or no longer: begin anew. */
  z.object({ kind: z.literal('expired') }),
  /** Nothing is applied here. */
  z.object({ kind: z.literal('nothing') }),
]);

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
  /** A piece of an offered snapshot, from record `from` on. Null asks for an offer, and its first piece. */
  snapshot: method('bulk', snapshotRequest, snapshotAnswer),
};
export type LearnerService = Service<typeof LEARNER_METHODS>;

export type SnapshotRequest = z.output<typeof snapshotRequest>;
export type SnapshotPiece = z.output<typeof snapshotPiece>;
export type SnapshotAnswer = z.output<typeof snapshotAnswer>;
