import { beforeEach, expect, test } from '@jest/globals';
import type { Change } from '../../../src/core/environment';
import type { Value } from '../../../src/protocols/log/messages';
import { StoredLog } from '../../../src/protocols/log/stored-log';

const LIMITS = { slots: 100, characters: 1e6 };
const valueOf = (id: string): Value => ({ id, command: { text: id } });

let votes: Map<number, Value>;
beforeEach(() => {
  votes = new Map(['a', 'b', 'c', 'd'].map((id, index) => [index + 1, valueOf(id)]));
});

function logOf(...ids: string[]): StoredLog {
  return filled(new StoredLog(LIMITS, false), ids);
}

function filled(log: StoredLog, ids: readonly string[]): StoredLog {
  log.onVotes((slot) => votes.get(slot));
  ids.forEach((id, index) => {
    log.add(index + 1, valueOf(id));
  });
  return log;
}

/** The log after a restart, from the votes and what was stored. */
function recovered(changes: readonly Change[], applied: number): string {
  const log = logOf();
  for (const { key, value } of changes) expect(log.recover(key, value!)).toBe(true);
  log.recovered(applied);
  return log
    .read(1, 100, 1e6)
    .map(({ slot, value }) => `${slot}${value.id}`)
    .join(' ');
}

test('values that the votes show are not stored, and are there again', () => {
  const log = logOf('a', 'b', 'c', 'd');
  expect(log.changesOnApply(1)).toEqual([]);
  const changes = log.changesOnCheckpoint(1, 4);
  expect(changes).toEqual([]);
  expect(recovered(changes, 4)).toBe('1a 2b 3c 4d');
  expect(log.drop(3)).toEqual([]);
});

test('where the vote is another one, or there is none, the value is stored, once', () => {
  votes.delete(2);
  const log = logOf('a', 'b', 'x', 'd');
  const changes = [...log.changesOnCheckpoint(1, 2), ...log.changesOnCheckpoint(3, 4)];
  expect(changes.map(({ value }) => (value as unknown as Value).id)).toEqual(['b', 'x']);
  expect(recovered(changes, 4)).toBe('1a 2b 3x 4d');
  expect(log.drop(3)).toEqual([{ key: changes[0]?.key, value: undefined }]);
  expect(log.drop(5)).toEqual([{ key: changes[1]?.key, value: undefined }]);
});

test('what was stored before a restart is deleted after it, when it is dropped', () => {
  votes.delete(2);
  const [change] = logOf('a', 'b', 'c', 'd').changesOnCheckpoint(1, 4);
  const log = logOf();
  log.recover(change!.key, change!.value!);
  log.recovered(4);
  expect(log.drop(5)).toEqual([{ key: change!.key, value: undefined }]);
});

test('behind a slot that nothing is known of there is no log; votes above the checkpoint are none either', () => {
  votes.delete(2);
  expect(recovered([], 3)).toBe('3c');
  votes.delete(3);
  expect(recovered([], 3)).toBe('');
});

test('a log that is stored as a whole needs no votes', () => {
  const log = filled(new StoredLog(LIMITS, true), ['x', 'y']);
  votes.clear();
  const changes = [...log.changesOnApply(1), ...log.changesOnApply(2)];
  expect(log.changesOnCheckpoint(1, 2)).toEqual([]);
  expect(recovered(changes, 2)).toBe('1x 2y');
  expect(log.recover('learner/applied', 1)).toBe(false);
});
