import fc from 'fast-check';
import type { StateRecord } from '../../../src/core/state-machine';
import type { SnapshotAnswer, SnapshotRequest } from '../../../src/protocols/log/messages';
import { SnapshotOffer, type SnapshotSource } from '../../../src/protocols/log/snapshot';
import { StateDigest } from '../../../src/protocols/log/state-digest';
import { virtualClock } from '../../support/virtual-clock';

export const records = fc.array(
  fc.tuple(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.constant({ nested: ['x'] }))),
  { maxLength: 30 },
);
export const limits = fc.record({
  pieceSlots: fc.integer({ min: 1, max: 7 }),
  pieceCharacters: fc.integer({ min: 1, max: 40 }),
});
export const { clock: CLOCK } = virtualClock();

/** As it arrives at a peer. */
export function sent<T>(message: T): T {
  return JSON.parse(JSON.stringify(message)) as T;
}

export type Answer = (request: SnapshotRequest) => Promise<SnapshotAnswer>;

export function sourceOf(snapshot: Answer, clock = CLOCK): SnapshotSource {
  return { learner: { snapshot }, clock, resendMs: 50 };
}

export function offerOf(id: string, slot: number, state: readonly StateRecord[]): SnapshotOffer {
  return new SnapshotOffer(id, { slot, records: state }, CLOCK);
}

export function digestOf(state: readonly StateRecord[]): string {
  const digest = new StateDigest();
  for (const record of state) digest.add(record);
  return digest.toString();
}
