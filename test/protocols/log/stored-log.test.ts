import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Ballot, Slot } from '../../../src/core/ballot';
import type { Change } from '../../../src/core/environment';
import type { Json } from '../../../src/core/json';
import type { Value } from '../../../src/protocols/log/messages';
import { StoredLog, type OwnVote } from '../../../src/protocols/log/stored-log';

const LIMITS = { slots: 100, characters: 1e6 };
const ballot = (round: number): Ballot => ({ round, server: 0 });
const valueOf = (id: string): Value => ({ id, command: { text: id } });

/** A server's votes, and what is on its disk. */
let votes: Map<Slot, OwnVote>;
let disk: Map<string, Json>;
beforeEach(() => {
  votes = new Map();
  disk = new Map();
});

function commit(changes: readonly Change[]): void {
  for (const { key, value } of changes)
    if (value === undefined) disk.delete(key);
    else disk.set(key, value);
}

function vote(slot: Slot, round: number, id: string): void {
  votes.set(slot, { ballot: ballot(round), value: valueOf(id) });
}

function start(storesAll = false): StoredLog {
  const log = new StoredLog(LIMITS, storesAll);
  log.onVotes((slot) => votes.get(slot));
  return log;
}

/** The log after a restart from a checkpoint, and where it begins. */
function restarted(applied: Slot, from: Slot = 1): { log: StoredLog; floor: Slot } {
  const log = start();
  for (const [key, value] of disk) expect(log.recover(key, value)).toBe(true);
  return { log, floor: log.recovered(applied, from) };
}

function textOf(log: StoredLog): string {
  return log
    .read(1, 100, 1e6)
    .map(({ slot, value }) => `${slot}${value.id}`)
    .join(' ');
}

const storedSlots = (): number => [...disk.keys()].filter((key) => key.startsWith('learner/chosen/')).length;

describe('what the own votes prove', () => {
  test('is not stored, and is there again', () => {
    const log = start();
    ['a', 'b', 'c'].forEach((id, index) => {
      vote(index + 1, 3, id);
      log.learn(index + 1, valueOf(id), ballot(3));
      expect(log.changesOnApply(index + 1)).toEqual([]);
    });
    commit(log.changesOnCheckpoint(3));
    expect(storedSlots()).toBe(0);
    const { log: again, floor } = restarted(3);
    expect([textOf(again), floor]).toEqual(['1a 2b 3c', 1]);
  });

  test.each([
    ['of a lower ballot', 2, 3, 1],
    ['of the same ballot', 3, 3, 0],
    ['of a higher ballot', 4, 3, 0],
    ['of any ballot, when it is not known which one chose it', 4, undefined, 1],
  ])('a vote for the chosen value %s', (_, voted, chosen, stored) => {
    vote(1, voted, 'a');
    const log = start();
    log.learn(1, valueOf('a'), chosen === undefined ? undefined : ballot(chosen));
    commit(log.changesOnCheckpoint(1));
    expect(storedSlots()).toBe(stored);
    // A late proposal, where such a one may come: a later leader has not proposed another value.
    if (stored === 1) vote(1, voted + 1, 'late');
    expect(textOf(restarted(1).log)).toBe('1a');
  });

  test('where there is no vote, or one for another value, the value is stored, once, until it is dropped', () => {
    vote(1, 1, 'lost');
    const log = start();
    log.learn(1, valueOf('a'), ballot(2));
    log.learn(2, valueOf('b'), ballot(2));
    log.learn(4, valueOf('d'), undefined);
    commit(log.changesOnCheckpoint(2));
    expect(storedSlots()).toBe(2);
    expect(log.changesOnCheckpoint(3)).toHaveLength(1);
    expect(log.changesOnCheckpoint(4)).toHaveLength(2);
    const { log: again } = restarted(2);
    expect(textOf(again)).toBe('1a 2b');
    commit(again.drop(2));
    expect(storedSlots()).toBe(1);
    commit(again.drop(3));
    expect(storedSlots()).toBe(0);
  });

  test('what is dropped before it was stored is not stored later', () => {
    const log = start();
    log.learn(1, valueOf('a'), undefined);
    expect(log.drop(2)).toEqual([]);
    commit(log.changesOnCheckpoint(5));
    expect(storedSlots()).toBe(0);
  });

  test('in any history, the log of a restarted server is what was chosen, without a hole', () => {
    const SLOTS = 3;
    const slot = fc.integer({ min: 1, max: SLOTS });
    const step = fc.oneof(
      fc.record({ kind: fc.constant('vote' as const), slot, round: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ kind: fc.constant('learn' as const), slot, knowsBallot: fc.boolean() }),
      fc.record({ kind: fc.constant('checkpoint' as const), slot }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: SLOTS, maxLength: SLOTS }),
        fc.array(step, { maxLength: 25 }),
        (choosing, steps) => {
          votes.clear();
          disk.clear();
          const log = start();
          let checkpoint = 0;
          // Every ballot has a value of its own, but those above the choosing one have the chosen value.
          const proposed = (of: Slot, round: number): string =>
            round >= (choosing[of - 1] ?? 0) ? `chosen ${of}` : `${round} in ${of}`;
          const learn = (of: Slot, knowsBallot: boolean): void => {
            const round = choosing[of - 1] ?? 0;
            const value = valueOf(proposed(of, round));
            if (log.get(of) === undefined) log.learn(of, value, knowsBallot ? ballot(round) : undefined);
          };
          for (const each of steps)
            if (each.kind === 'vote') {
              const before = votes.get(each.slot)?.ballot.round ?? 0;
              if (each.round > before) vote(each.slot, each.round, proposed(each.slot, each.round));
            } else if (each.kind === 'learn') learn(each.slot, each.knowsBallot);
            else {
              for (let below = 1; below <= each.slot; below++) learn(below, false);
              checkpoint = Math.max(checkpoint, each.slot);
              commit(log.changesOnCheckpoint(checkpoint));
            }
          const { log: again, floor } = restarted(checkpoint);
          expect(floor).toBe(1);
          for (let below = 1; below <= checkpoint; below++)
            expect(again.get(below)?.id).toBe(`chosen ${below}`);
        },
      ),
    );
  });
});

describe('without a log that can be relied upon', () => {
  beforeEach(() => {
    for (const [slot, id] of [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [4, 'd'],
    ] as const)
      vote(slot, 1, id);
  });

  test('votes above the checkpoint are no log', () => {
    commit(start().changesOnCheckpoint(2));
    expect(textOf(restarted(2).log)).toBe('1a 2b');
  });

  test('it begins behind the last slot that nothing is known of, and what is below goes', () => {
    const log = start();
    log.learn(1, valueOf('a'), undefined);
    commit(log.changesOnCheckpoint(3));
    votes.delete(2);
    const { log: again, floor } = restarted(3);
    expect(floor).toBe(3);
    commit(again.drop(floor));
    expect([textOf(again), storedSlots()]).toEqual(['3c', 0]);
  });

  test('of a checkpoint that another version wrote, votes are not believed; stored values are', () => {
    disk.set('learner/chosen/0000000000000003', valueOf('c'));
    const first = restarted(3);
    expect([first.floor, first.log.get(3)?.id]).toEqual([3, 'c']);
    expect(restarted(4).floor).toBe(5);
    // Nor after a time in which this version was at work.
    disk.set('learner/log', 2);
    expect(restarted(3).floor).toBe(3);
    disk.set('learner/log', 3);
    expect([restarted(3).floor, restarted(3, 2).floor]).toEqual([1, 2]);
  });
});

test('a log that is stored as a whole needs no votes', () => {
  const log = start(true);
  for (const [slot, id] of [
    [1, 'x'],
    [2, 'y'],
  ] as const) {
    log.learn(slot, valueOf(id), undefined);
    commit(log.changesOnApply(slot));
  }
  expect(log.changesOnCheckpoint(2)).toEqual([]);
  expect(textOf(restarted(2).log)).toBe('1x 2y');
  expect(log.recover('learner/applied', 1)).toBe(false);
});
