import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Slot } from '../../../src/core/ballot';
import type { Environment } from '../../../src/core/environment';
import { Learner } from '../../../src/protocols/log/learner';
import { Log, slotsWithin } from '../../../src/protocols/log/log';
import { Acceptor as AcceptorForAllSlots } from '../../../src/protocols/multi-paxos/acceptor';
import { DEFAULT_OPTIONS } from '../../../src/protocols/multi-paxos/options';
import { Acceptor } from '../../../src/protocols/paxos/acceptor';
import { Host } from '../../../src/simulation/host';
import { virtualWorld } from '../../../src/simulation/world';

/** As of a cluster that has been at work for a year. A step for each slot up to it takes seconds. */
const DISTANT: Slot = 300_000_000;
const LIMIT_MS = 500;
const BALLOT = { round: 1, server: 0 };

function valueIn(slot: Slot): { id: string; command: string } {
  return { id: `in ${slot}`, command: 'x' };
}

async function tookMs(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

function environment(): Environment {
  return { ...new Host(virtualWorld([0], 1), 0).boot(), trace: () => undefined };
}

/** Writes are durable at once. */
function synced(): Environment {
  const storage = { write: () => Promise.resolve(), defer: () => undefined, read: () => [] };
  return { ...environment(), storage };
}

test('what a map has for a range of slots, in order, whatever it lacks', () => {
  const slot = fc.integer({ min: 1, max: 30 });
  fc.assert(
    fc.property(fc.uniqueArray(slot, { maxLength: 20 }), slot, slot, (slots, from, to) => {
      const map = new Map(slots.map((each) => [each, `v${each}`]));
      const expected = slots.filter((each) => each >= from && each <= to).sort((a, b) => a - b);
      expect([...slotsWithin(map, from, to)]).toEqual(expected.map((each) => [each, `v${each}`]));
    }),
  );
});

test('a log takes no step for each slot that it lacks', async () => {
  const log = new Log({ slots: 100, characters: 1000 });
  for (const slot of [3, DISTANT, DISTANT + 2]) log.add(slot, valueIn(slot));
  const limited = tookMs(() => {
    expect(log.read(1, 100, 1000).map(({ slot }) => slot)).toEqual([3, DISTANT, DISTANT + 2]);
    expect(log.truncate(DISTANT + 1)).toEqual([3, DISTANT]);
    return Promise.resolve();
  });
  expect(await limited).toBeLessThan(LIMIT_MS);
  expect([log.floor, log.get(DISTANT + 2)?.id]).toEqual([DISTANT + 1, valueIn(DISTANT + 2).id]);
});

test('neither does the acceptor of a slot each', async () => {
  const acceptor = new Acceptor(synced());
  for (const slot of [3, DISTANT]) await acceptor.accept({ slot, ballot: BALLOT, value: valueIn(slot) });
  const limited = tookMs(() => {
    expect(acceptor.truncate(DISTANT)).toHaveLength(2);
    return Promise.resolve();
  });
  expect(await limited).toBeLessThan(LIMIT_MS);
  expect(await acceptor.highestAccepted()).toEqual({ slot: DISTANT });
});

test('nor the one for all slots, in what it reports and in what it drops', async () => {
  const acceptor = new AcceptorForAllSlots(synced(), DEFAULT_OPTIONS, {
    applied: 0,
    chosenIn: () => undefined,
  });
  for (const slot of [3, DISTANT])
    await acceptor.accept({ ballot: BALLOT, entries: [{ slot, value: valueIn(slot) }] });
  const limited = tookMs(async () => {
    const reply = await acceptor.prepare({ ballot: { round: 2, server: 0 }, from: 1 });
    expect(reply).toMatchObject({ votes: [{ slot: 3 }, { slot: DISTANT }], next: null });
    expect(acceptor.truncate(DISTANT)).toHaveLength(1);
  });
  expect(await limited).toBeLessThan(LIMIT_MS);
  expect(acceptor.voteIn(DISTANT)?.value.id).toBe(valueIn(DISTANT).id);
});

test('nor a server that starts again', async () => {
  const machine = { apply: () => '', takeChanges: () => [], snapshot: () => [], restore: () => undefined };
  const learner = new Learner<string, string>(environment(), machine, DEFAULT_OPTIONS);
  const limited = tookMs(async () => {
    learner.recover('learner/applied', DISTANT + 1);
    learner.recover('learner/floor', DISTANT);
    await learner.recovered();
  });
  expect(await limited).toBeLessThan(LIMIT_MS);
  expect([learner.applied, learner.floor]).toEqual([DISTANT + 1, DISTANT + 2]);
});
