import fs from 'node:fs';
import { afterEach, expect, jest, test } from '@jest/globals';
import { SelfCheck } from '../../src/server/self-check';
import { waitFor } from './helpers/wait';

let check: SelfCheck | undefined;
afterEach(() => {
  check?.stop();
  jest.restoreAllMocks();
});

test('a server whose process has no descriptor left is in trouble until it has some again', async () => {
  const open = jest.spyOn(fs, 'openSync').mockImplementation(() => {
    throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
  });
  let exhausted = 0;
  check = new SelfCheck({
    isListening: () => true,
    onExhausted: () => exhausted++,
    onBlocked: () => undefined,
  });
  check.start();
  const trouble = (): string | undefined => check?.trouble;
  expect(trouble()).toBeUndefined();
  await waitFor('a probe', () => exhausted > 0);
  expect(trouble()).toBe('the server cannot accept connections');
  open.mockRestore();
  await waitFor('another probe', () => trouble() !== 'the server cannot accept connections');
});

test('a server whose event loop stood still for longer than the election time is in trouble', async () => {
  const blocked: number[] = [];
  check = new SelfCheck({
    isListening: () => true,
    onExhausted: () => undefined,
    onBlocked: (blockedMs) => blocked.push(blockedMs),
  });
  check.start();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  await waitFor('a tick', () => blocked.length > 0);
  expect(check.trouble).toBe('the event loop was blocked for more than 600 ms');
  expect(check.blocks).toBe(blocked.length);
  expect(check.longestBlockMs).toBeGreaterThan(600);
});
