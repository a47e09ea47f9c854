import { expect, test } from '@jest/globals';
import { SESSION_LIMITS, WINDOW } from '../../src/kv/sessions';
import { STATE_MACHINE } from '../../src/kv/state-machine';
import { agreementOf, whyNoAgreement } from '../../src/server/agreement';
import { serverConfiguration, type ServerConfiguration } from '../../src/server/configuration';

const configuration = serverConfiguration.parse({
  id: 0,
  servers: [15000, 15001, 15002].map((port) => ({ host: '127.0.0.1', port })),
  protocol: 'multi-paxos',
  leaseMs: 500,
  token: 'a token that is long enough',
});
const own = { self: 0, cluster: 'synod', token: '', agreement: agreementOf(configuration) };

test.each<[string, Partial<ServerConfiguration>]>([
  ['cluster: synod here, other there', { cluster: 'other' }],
  ['protocol: multi-paxos here, paxos there', { protocol: 'paxos' }],
  ['quorums: majority here, 3,1 there', { quorums: '3,1' }],
  [
    'servers: 127.0.0.1:15000,127.0.0.1:15001,127.0.0.1:15002 here, 127.0.0.1:15002,127.0.0.1:15001,127.0.0.1:15000 there',
    { servers: [...configuration.servers].reverse() },
  ],
  ['lease: 500 ms here, none there', { leaseMs: undefined }],
  ['lease: 500 ms here, 400 ms there', { leaseMs: 400 }],
  ['clock drift: 0.01 here, 0.02 there', { maxClockDrift: 0.02 }],
])('servers differ by %s', (says, changes) => {
  const theirs = agreementOf({ ...configuration, ...changes });
  expect(whyNoAgreement(own, 1, theirs)).toContain(says);
  expect(whyNoAgreement(own, 1, theirs)).toMatch(/^server 0 and server 1 differ in what all servers must/);
});

test.each(['state machine', 'messages'])('releases with other %s differ by name', (name) => {
  const there = { ...own.agreement, [name]: 'another' };
  const here = String(own.agreement[name]);
  expect(here).toMatch(/\d/);
  expect(whyNoAgreement(own, 1, there)).toContain(`(${name}: ${here} here, another there)`);
});

test('releases differ where only one of them knows what must be in common', () => {
  const there = { ...own.agreement, 'order of keys': 'bytes' };
  expect(whyNoAgreement(own, 1, there)).toContain('(order of keys: none here, bytes there)');
  expect(whyNoAgreement({ ...own, agreement: there }, 1, own.agreement)).toContain(
    '(order of keys: bytes here, none there)',
  );
});

test('what a log means is named with all limits that it depends on', () => {
  for (const limit of [WINDOW, SESSION_LIMITS.resultCharacters])
    expect(STATE_MACHINE).toMatch(new RegExp(`\\b${limit}\\b`));
});

test('without a lease clocks do not count', () => {
  const without = agreementOf({ ...configuration, leaseMs: undefined });
  const theirs = agreementOf({ ...configuration, leaseMs: undefined, maxClockDrift: 0.2 });
  expect(whyNoAgreement({ ...own, agreement: without }, 1, theirs)).toBeUndefined();
});

test('servers may differ in what is their own', () => {
  const changes = { id: 2, logLevel: 'debug', thrifty: true, acceptorFailure: 0.5 } as const;
  expect(whyNoAgreement(own, 2, agreementOf({ ...configuration, ...changes }))).toBeUndefined();
});
