import { expect, test } from '@jest/globals';
import { CalleeHandshake, CallerHandshake, HandshakeError } from '../../src/network/handshake';
import { CALLEE, CALLER } from './helpers/fake-peer';

test('an answer of the callee that was recorded on one connection proves nothing on the next', () => {
  const [first, second] = [
    new CallerHandshake(CALLER, CALLEE.self),
    new CallerHandshake(CALLER, CALLEE.self),
  ];
  const { headers } = new CalleeHandshake(CALLEE, first.headers);
  const recorded = Object.fromEntries(headers.map((header) => header.split(': ') as [string, string]));
  expect(first.answer(recorded)).toContain('proof');
  expect(() => second.answer(recorded)).toThrow(HandshakeError);
});
