import { expect, test } from '@jest/globals';
import { LIMITS } from '../../src/api/methods';
import { Window } from '../../src/client/window';

test('no write runs so far ahead of the oldest one that servers could have dropped its result', async () => {
  const window = new Window();
  const oldest = await window.enter().sequence;
  for (let i = 1; i < LIMITS.keptSequences; i++) window.leave(await window.enter().sequence);
  let next: number | undefined;
  const ticket = window.enter();
  void ticket.sequence.then((sequence) => (next = sequence));
  await new Promise(setImmediate);
  expect(next).toBeUndefined();
  window.leave(oldest);
  expect(await ticket.sequence).toBe(oldest + LIMITS.keptSequences);
});

test('so many writes are under way at a time, and the others follow in order', async () => {
  const window = new Window();
  const begun: number[] = [];
  for (let i = 0; i < 40; i++) void window.enter().sequence.then((sequence) => begun.push(sequence));
  await new Promise(setImmediate);
  expect(begun).toEqual(Array.from({ length: 32 }, (_, i) => i + 1));
  window.leave(7);
  await new Promise(setImmediate);
  expect(begun.at(-1)).toBe(33);
});
