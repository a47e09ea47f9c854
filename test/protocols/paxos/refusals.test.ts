import { expect, test } from '@jest/globals';
import type { Ballot } from '../../../src/core/ballot';
import type { Environment } from '../../../src/core/environment';
import { Majority } from '../../../src/core/quorum';
import { RoundTrip } from '../../../src/core/round-trip';
import { Rounds } from '../../../src/protocols/log/rounds';
import type { AcceptorService } from '../../../src/protocols/paxos/messages';
import { DEFAULT_OPTIONS } from '../../../src/protocols/paxos/options';
import { Proposer } from '../../../src/protocols/paxos/proposer';
import { MemoryStorage } from '../../../src/storage/memory-storage';
import { virtualClock, watch } from '../../support/virtual-clock';

const HIGH = { round: 9024, server: 2 };

/** A proposer among three whose acceptors refuse below a high ballot, or are silent: when it prepares, and with what. */
function startProposer(
  refusing: readonly number[],
  options: { readonly resendMs: number; readonly phaseTimeoutMs: number },
): { time: ReturnType<typeof virtualClock>['time']; prepared: { ballot: Ballot; atMs: number }[] } {
  const { time, clock } = virtualClock();
  const prepared: { ballot: Ballot; atMs: number }[] = [];
  const acceptor = (id: number): AcceptorService => ({
    prepare: ({ ballot }) => {
      if (id === 0) prepared.push({ ballot, atMs: clock.now() });
      if (refusing.includes(id)) return Promise.resolve({ kind: 'rejected', promised: HIGH });
      return new Promise(() => undefined);
    },
    accept: () => new Promise(() => undefined),
    highestAccepted: () => new Promise(() => undefined),
  });
  const random = { float: () => 0 } as Environment['random'];
  const proposer = new Proposer({
    environment: { self: 0, clock, random, trace: () => undefined } as unknown as Environment,
    settings: { quorums: new Majority([0, 1, 2]), thrifty: false },
    acceptors: new Map([0, 1, 2].map((id) => [id, acceptor(id)])),
    learner: {
      chosenIn: () => undefined,
      knows: () => false,
      learn: () => Promise.resolve(null),
      until: () => clock.sleep(1),
    },
    peerLearners: [],
    rounds: new Rounds(new MemoryStorage()),
    roundTrip: new RoundTrip(),
    options: { ...DEFAULT_OPTIONS, ...options },
  });
  watch(proposer.propose(1, { id: 'v', command: null }, 10_000));
  return { time, prepared };
}

test('a refusal heard before the end of a short phase is not forgotten: the next ballot is above it', async () => {
  const { time, prepared } = startProposer([0], { resendMs: 5000, phaseTimeoutMs: 100 });
  await time.run(2000);
  expect(prepared[0]?.ballot.round).toBe(1);
  expect(prepared[1]?.ballot.round).toBeGreaterThan(HIGH.round);
});

test('a phase ends as soon as no quorum is left, though others are silent', async () => {
  const { time, prepared } = startProposer([0, 1], { resendMs: 5000, phaseTimeoutMs: 8000 });
  await time.run(1000);
  expect(prepared[1]?.ballot.round).toBeGreaterThan(HIGH.round);
  expect((prepared[1]?.atMs ?? Infinity) - (prepared[0]?.atMs ?? 0)).toBeLessThan(100);
});
