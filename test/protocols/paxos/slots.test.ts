import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RoundTrip } from '../../../src/core/round-trip';
import { Slots } from '../../../src/protocols/paxos/slots';
import type { VirtualTime } from '../../../src/simulation/virtual-time';
import { virtualClock } from '../../support/virtual-clock';

const QUIET_MS = 1000;

interface Rig {
  readonly slots: Slots;
  readonly time: VirtualTime;
  /** Slots known to be chosen above the applied ones. */
  readonly known: Set<number>;
  applied: number;
}

function rig(self: number): Rig {
  const { time, clock } = virtualClock();
  const known = new Set<number>();
  const parts = { applied: 0, known, time };
  const knowledge = {
    get applied() {
      return parts.applied;
    },
    knows: (slot: number) => slot <= parts.applied || known.has(slot),
  };
  return Object.assign(parts, {
    slots: new Slots({ self, members: [0, 1, 2, 3, 4], clock }, knowledge, new RoundTrip()),
  });
}

describe('picking slots', () => {
  test('alone, a server takes the first free slots', () => {
    const parts = rig(0);
    expect([parts.slots.claim(), parts.slots.claim()]).toEqual([1, 2]);
    parts.applied = 5;
    parts.known.add(7);
    expect([parts.slots.claim(), parts.slots.claim()]).toEqual([6, 8]);
  });

  test('a slot that was let go is free again, unless it is decided', () => {
    const parts = rig(0);
    expect(parts.slots.claim()).toBe(1);
    parts.slots.release(1);
    expect(parts.slots.claim()).toBe(1);
    parts.slots.release(1);
    parts.applied = 1;
    expect(parts.slots.claim()).toBe(2);
  });

  test('this very slot can be claimed if nobody here works on it and it is open', () => {
    const parts = rig(0);
    expect(parts.slots.claim()).toBe(1);
    parts.known.add(3);
    expect([1, 2, 3].map((slot) => parts.slots.claimIfFree(slot))).toEqual([false, true, false]);
    expect(parts.slots.claimIfFree(2)).toBe(false);
    expect(parts.slots.claim()).toBe(4);
  });

  test('servers that are active take turns, which never meet', () => {
    const servers = [0, 2, 4].map((self) => ({ self, ...rig(self) }));
    for (const { self, slots } of servers)
      for (const other of [0, 2, 4]) if (other !== self) slots.noticeActive(other);
    const claimed = servers.flatMap(({ slots }) => Array.from({ length: 20 }, () => slots.claim()));
    expect(new Set(claimed).size).toBe(60);
    expect(claimed).toEqual(expect.arrayContaining(Array.from({ length: 40 }, (_, i) => i + 1)));
  });

  test('who was silent for a while has no turn', async () => {
    const { slots, time } = rig(0);
    slots.noticeActive(1);
    await time.run(QUIET_MS);
    expect([slots.claim(), slots.claim(), slots.claim()]).toEqual([1, 2, 3]);
  });

  test('turns that others wait for are found', async () => {
    const parts = rig(1);
    const { slots, time } = parts;
    slots.noticeActive(0);
    slots.see(22);
    expect(slots.ownHoles(100)).toEqual([]);
    // Of every five slots one is server 1's own, and the three of the inactive servers go round.
    const own = [slots.claim(), ...slots.ownHoles(100)];
    expect(own).toContain(1);
    expect(own).toContain(21);
    expect(own).not.toContain(5);
    expect(own.length).toBeGreaterThan(8);
    expect(own.length).toBeLessThan(14);
    expect(slots.ownHoles(3)).toEqual(own.slice(1, 4));
    parts.applied = 1;
    parts.known.add(6);
    expect(slots.ownHoles(100)).toEqual(own.filter((slot) => slot !== 1 && slot !== 6));
    await time.run(QUIET_MS);
    expect(slots.ownHoles(100)).toEqual([]);
  });

  test('no slot is claimed twice, whatever happens', async () => {
    const steps = fc.array(
      fc.record({
        kind: fc.constantFrom('claim', 'claimIfFree', 'release', 'notice', 'apply', 'learn', 'wait'),
        number: fc.integer({ min: 1, max: 12 }),
      }),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const parts = rig(1);
        const { slots, time, known } = parts;
        const held = new Set<number>();
        const take = (slot: number): void => {
          expect(held.has(slot)).toBe(false);
          expect(slot <= parts.applied || known.has(slot)).toBe(false);
          held.add(slot);
        };
        for (const { kind, number } of history) {
          if (kind === 'claim') take(slots.claim());
          else if (kind === 'claimIfFree') {
            if (slots.claimIfFree(number)) take(number);
          } else if (kind === 'release') {
            slots.release(number);
            held.delete(number);
          } else if (kind === 'notice') {
            slots.noticeActive(number % 3);
            slots.see(number);
          } else if (kind === 'apply') parts.applied = Math.max(parts.applied, number);
          else if (kind === 'learn') known.add(number);
          else await time.run(number * 10);
          for (const hole of slots.ownHoles(100)) expect(held.has(hole) || known.has(hole)).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });
});
