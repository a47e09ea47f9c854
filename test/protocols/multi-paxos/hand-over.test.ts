import { expect, test } from '@jest/globals';
import { handOver } from '../../../src/protocols/multi-paxos/hand-over';
import type { Leader } from '../../../src/protocols/multi-paxos/leader';
import type { LeaderService } from '../../../src/protocols/multi-paxos/messages';
import { virtualClock } from '../../support/virtual-clock';

const OPTIONS = { handOverMs: 500, heartbeatMs: 100 };

/** What a leader with commands under way does when it stops, in order. */
async function stopped(hasLease: boolean): Promise<string[]> {
  const { time, clock } = virtualClock();
  const steps: string[] = [];
  const leader = { ballot: { round: 7, server: 0 }, pending: 2, hasEnded: false };
  const methods = {
    close: () => steps.push('close'),
    end: () => {
      if (!leader.hasEnded) steps.push(`end with ${leader.pending} under way`);
      leader.hasEnded = true;
    },
  };
  clock.after(50, () => (leader.pending = 0));
  const successor = {
    takeOver: () => {
      if (!steps.includes('ask')) steps.push('ask');
      return Promise.resolve({});
    },
  } as Partial<LeaderService> as LeaderService;
  await time.settled(
    handOver({
      leader: Object.assign(leader, methods) as unknown as Leader,
      successor,
      hasLease,
      clock,
      options: OPTIONS,
    }),
    2 * OPTIONS.handOverMs,
  );
  return steps;
}

test('a leader that stops finishes what it began, and asks its successor', async () => {
  expect(await stopped(false)).toEqual(['close', 'ask', 'end with 0 under way']);
});

test('with a lease it has ended before it asks: its heartbeats would renew what the successor waits for', async () => {
  expect(await stopped(true)).toEqual(['close', 'end with 0 under way', 'ask']);
});
