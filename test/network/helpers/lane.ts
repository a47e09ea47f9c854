import { afterEach, beforeEach, expect } from '@jest/globals';
import { CallError } from '../../../src/core/errors';
import { PeerLane, type LaneObserver, type LaneOptions } from '../../../src/network/peer-lane';
import { CALLEE, CALLER, FakePeer, type Answer } from './fake-peer';

/** What is closed after each test, the last first. */
export const closing: (() => Promise<void> | void)[] = [];
/** What the lane told its observer in this test. */
export const observed: string[] = [];
const observer: LaneObserver = {
  sent: (method) => observed.push(`sent ${method}`),
  answered: (method) => observed.push(`answered ${method}`),
  roundTrip: () => observed.push('round trip'),
  failed: () => observed.push('failed'),
};
beforeEach(() => {
  observed.length = 0;
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A peer that answers so, until the test ends. */
export async function peerThat(answer: Answer): Promise<FakePeer> {
  const peer = await FakePeer.start(answer);
  closing.push(() => peer.close());
  return peer;
}

/** A lane with one batch under way at a time, until the test ends. */
export function laneTo(origin: string, changes: Partial<LaneOptions> = {}): PeerLane {
  const lane = new PeerLane({
    origin,
    peer: CALLEE.self,
    credentials: CALLER,
    onMet: (refusal) => observed.push(refusal === undefined ? 'met' : `refused: ${refusal}`),
    batchesInFlight: 1,
    batchSpacingMs: 0,
    maxAnswerBytes: 1024 * 1024,
    observer,
    ...changes,
  });
  closing.push(() => {
    lane.close();
  });
  return lane;
}

/**
 * A lane whose connection is open, both sides proven: what is called next is sent in the same turn of the event loop,
 * before any time-out of it can pass, however busy the machine is. The peer has to answer the method `greeting`.
 */
export async function openLaneTo(origin: string, changes: Partial<LaneOptions> = {}): Promise<PeerLane> {
  const lane = laneTo(origin, changes);
  expect(await lane.call('greeting', 'hello', 20_000)).toBe('hello');
  return lane;
}

/** The error of a call, and how long it took. */
export async function failure(call: Promise<unknown>): Promise<{ message: string; tookMs: number }> {
  const startedAt = performance.now();
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CallError);
  return { message: (error as CallError).message, tookMs: performance.now() - startedAt };
}
