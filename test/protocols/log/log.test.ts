import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Log } from '../../../src/protocols/log/log';
import type { Value } from '../../../src/protocols/log/messages';

const WIDE = { slots: 1000, characters: 1000 };

function value(slot: number): Value {
  return sized(slot, 1);
}

function sized(slot: number, characters: number): Value {
  return { id: String(slot), command: { text: 'x'.repeat(characters) } };
}

describe('the log', () => {
  test('keeps what it is given', () => {
    const log = new Log(WIDE);
    expect([log.floor, log.highest]).toEqual([1, 0]);
    log.add(3, value(3));
    log.add(1, value(1));
    expect([log.floor, log.highest]).toEqual([1, 3]);
    expect([log.get(1)?.id, log.get(2), log.get(3)?.id]).toEqual(['1', undefined, '3']);
  });

  test('the floor keeps so many applied slots', () => {
    const log = new Log({ slots: 3, characters: 1000 });
    for (let slot = 1; slot <= 10; slot++) log.add(slot, value(slot));
    expect(log.nextFloor(0)).toBe(1);
    expect(log.nextFloor(3)).toBe(1);
    expect(log.nextFloor(4)).toBe(2);
    expect(log.nextFloor(10)).toBe(8);
  });

  test('the floor keeps so many characters, but never what is not applied', () => {
    const log = new Log({ slots: 1000, characters: 100 });
    for (let slot = 1; slot <= 5; slot++) log.add(slot, sized(slot, 40));
    expect(log.nextFloor(5)).toBe(4);
    expect(log.nextFloor(2)).toBe(3);
    expect(log.nextFloor(0)).toBe(1);
  });

  test('what comes after a snapshot that a peer fetches has limits of its own', () => {
    const log = new Log({ slots: 1, characters: 100 }, { slots: 6, characters: 200 });
    for (let slot = 1; slot <= 10; slot++) log.add(slot, sized(slot, 30));
    expect(log.nextFloor(10)).toBe(10);
    expect(log.nextFloor(10, 8)).toBe(9);
    expect(log.nextFloor(10, 4)).toBe(5);
    expect(log.nextFloor(10, 2)).toBe(5);
    for (let slot = 11; slot <= 20; slot++) log.add(slot, sized(slot, 50));
    expect(log.nextFloor(20, 2)).toBe(17);
  });

  test('truncation gives the slots dropped, and never lowers floor or highest', () => {
    const log = new Log(WIDE);
    for (const slot of [1, 2, 4, 6]) log.add(slot, value(slot));
    expect(log.truncate(5)).toEqual([1, 2, 4]);
    expect([log.floor, log.highest, log.get(4), log.get(6)?.id]).toEqual([5, 6, undefined, '6']);
    expect(log.truncate(3)).toEqual([]);
    expect(log.floor).toBe(5);
    expect(log.truncate(20)).toEqual([6]);
    expect([log.floor, log.highest]).toEqual([20, 19]);
  });

  test('characters are counted back when values are dropped', () => {
    const log = new Log({ slots: 1000, characters: 100 });
    for (let slot = 1; slot <= 200; slot++) {
      log.add(slot, sized(slot, 30));
      log.truncate(log.nextFloor(slot));
      expect(slot - log.floor + 1).toBeLessThanOrEqual(3);
    }
    expect(log.floor).toBe(198);
  });

  test('reading leaves out what is unknown and stops at its limits', () => {
    const log = new Log(WIDE);
    for (const slot of [1, 2, 4, 5, 6]) log.add(slot, sized(slot, 10));
    const slots = (from: number, count: number, characters: number): number[] =>
      log.read(from, count, characters).map(({ slot }) => slot);
    expect(slots(1, 100, 1000)).toEqual([1, 2, 4, 5, 6]);
    expect(slots(2, 2, 1000)).toEqual([2, 4]);
    expect(slots(1, 100, 25)).toEqual([1, 2]);
    expect(slots(1, 100, 1)).toEqual([1]);
    expect(slots(7, 100, 1000)).toEqual([]);
    log.truncate(4);
    expect(slots(1, 100, 1000)).toEqual([4, 5, 6]);
  });

  test('every value is got by reading on, whatever the limits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 60 }),
        (sizes, count, characters) => {
          const log = new Log(WIDE);
          sizes.forEach((size, i) => {
            log.add(i + 1, sized(i + 1, size));
          });
          const read: number[] = [];
          while (read.length < sizes.length) {
            const entries = log.read(read.length + 1, count, characters);
            expect(entries.length).toBeGreaterThan(0);
            read.push(...entries.map(({ slot }) => slot));
          }
          expect(read).toEqual(sizes.map((_, i) => i + 1));
        },
      ),
    );
  });
});
