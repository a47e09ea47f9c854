import { afterEach, describe, expect, test } from '@jest/globals';
import { API_ERRORS } from '../../src/api/errors';
import {
  CLIENT_ERRORS,
  InvalidArgument,
  NoServer,
  OperationFailed,
  OutcomeUnknown,
  connect,
} from '../../src';
import { closedAddress, healthyStore } from './fake-server';
import type { Reaction } from './fake-server';
import {
  clientOf,
  diesInTheBody,
  hangsAfterHeaders,
  put,
  rejection,
  serverThat,
  silent,
  stopAll,
} from './harness';

afterEach(stopAll);

describe('operations', () => {
  test('all of them work against a healthy server', async () => {
    const client = clientOf([await serverThat(healthyStore())]);
    expect(await client.put('name', 'ada')).toEqual({ replaced: false, slot: 1 });
    expect(await client.put('name', 'grace')).toEqual({ replaced: true, slot: 2 });
    expect(await client.get('name', { read: 'linearizable' })).toEqual({
      found: true,
      value: 'grace',
      applied: 2,
    });
    expect(await client.compareAndSet('name', { expect: 'grace', value: null })).toMatchObject({
      swapped: true,
    });
    expect(await client.get('name')).toEqual({ found: false, applied: 3 });
    expect(await client.delete('name')).toMatchObject({ deleted: false });
    await client.put('__proto__', 'x');
    expect((await client.list({ prefix: '__', limit: 5 })).entries).toEqual([
      { key: '__proto__', value: 'x' },
    ]);
    expect((await client.status()).protocol).toBe('paxos');
    expect(await client.setFaults({ acceptorFailure: 0.25 })).toEqual({ acceptorFailure: 0.25 });
    expect(await client.setLogLevel('debug')).toBe('debug');
  });

  test('what every server would refuse is refused at once, and definite', async () => {
    const server = await serverThat(healthyStore());
    const client = clientOf([server]);
    for (const failure of [
      client.put('', 'x'),
      client.put('k'.repeat(1025), 'x'),
      client.get('\ud800'),
      client.list({ limit: 0 }),
    ])
      expect(await rejection(failure)).toBeInstanceOf(InvalidArgument);
    expect(server.calls).toEqual([]);
    expect(await rejection(client.status('nowhere'))).toBeInstanceOf(InvalidArgument);
    expect(() => connect({ servers: ['localhost'] })).toThrow('"localhost" is not host:port');
    expect(() => connect({ servers: ['a:1/x'] })).toThrow(InvalidArgument);
    expect(() => connect({ servers: [] })).toThrow(InvalidArgument);
    expect(() => connect({ port: 70000 })).toThrow('1 to 65535');
  });
});

describe('fail-over', () => {
  test.each([
    ['hangs without an answer', silent],
    ['hangs after the headers', hangsAfterHeaders],
    ['dies in the middle of the body', diesInTheBody],
    ['answers with a retryable error', { error: API_ERRORS.noQuorum } satisfies Reaction],
    ['does not know the outcome', { error: API_ERRORS.outcomeUnknown } satisfies Reaction],
    ['answers nonsense', { result: { replaced: 'perhaps' } } satisfies Reaction],
  ])('a server that %s: the same write, unchanged, goes to the next', async (_what, reaction) => {
    const bad = await serverThat(() => reaction);
    const good = await serverThat(() => ({ result: put }));
    const client = clientOf([bad, good]);
    expect(await client.put('k', 'v')).toEqual(put);
    expect(bad.calls).toHaveLength(1);
    expect(good.calls).toEqual(bad.calls);
    expect(good.calls[0]?.params).toEqual({ key: 'k', value: 'v', client: client.id, sequence: 1 });
    expect(client.server).toBe(good.address);
    await client.put('k', 'v');
    expect(bad.calls).toHaveLength(1);
    expect(good.calls[1]?.params['sequence']).toBe(2);
  });

  test('a refused connection is passed over, for reads too', async () => {
    const good = await serverThat(healthyStore());
    const client = clientOf([await closedAddress(), good]);
    expect(await client.get('k')).toMatchObject({ found: false });
    expect(client.server).toBe(good.address);
  });

  test('rounds go on until a server recovers', async () => {
    let calls = 0;
    const server = await serverThat(() => (++calls < 4 ? { error: API_ERRORS.notReady } : { result: put }));
    expect(await clientOf([server]).put('k', 'v')).toEqual(put);
    expect(new Set(server.calls.map(({ params }) => params['sequence']))).toEqual(new Set([1]));
  });

  test('a refusal that no other server would change ends the operation', async () => {
    const server = await serverThat(() => ({ error: API_ERRORS.methodNotFound }));
    const error = await rejection(clientOf([server, server.address]).put('k', 'v'));
    expect(error).toBeInstanceOf(OperationFailed);
    expect(error).toMatchObject({ code: API_ERRORS.methodNotFound.code, definite: true });
    expect(server.calls).toHaveLength(1);
  });
});

describe('outcomes', () => {
  test('refused everywhere: surely failed, nobody reachable', async () => {
    const client = clientOf([await closedAddress(), await closedAddress()], { deadlineMs: 400 });
    const error = await rejection(client.put('k', 'v'));
    expect(error).toBeInstanceOf(NoServer);
    expect(error).toMatchObject({ definite: true, code: CLIENT_ERRORS.noServer.code });
    expect(error.message).toContain('connection refused');
    expect(error.cause).toBeDefined();
  });

  test('sent once without an answer: unknown, even when all later attempts surely failed', async () => {
    let calls = 0;
    const server = await serverThat(() => (++calls === 1 ? diesInTheBody : { error: API_ERRORS.noQuorum }));
    const error = await rejection(clientOf([server], { deadlineMs: 500 }).put('k', 'v'));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error).toMatchObject({ definite: false, code: API_ERRORS.outcomeUnknown.code });
    expect(server.calls.length).toBeGreaterThan(1);
  });

  test.each([
    [404, '<p>no such page', true],
    [408, '<p>request timeout', false],
    [502, '<p>bad gateway', false],
    [504, '<p>gateway timeout', false],
    [302, '<p>elsewhere', false],
    [200, '{"jsonrpc":"2.0"', false],
    [200, '{"jsonrpc":"2.0","id":"1","error":{"code":-32001.5}}', false],
  ])('an answer that is no JSON-RPC (HTTP %d %s): definite is %p', async (status, body, definite) => {
    const server = await serverThat(() => ({
      misbehave: (response) => response.writeHead(status, { 'content-type': 'text/html' }).end(body),
    }));
    const error = await rejection(clientOf([server], { deadlineMs: 200 }).put('k', 'v'));
    expect(error.definite).toBe(definite);
    expect(error.message).toContain(`no JSON-RPC answer (HTTP ${status})`);
  });

  test('an API error that comes with an HTTP status is read as such', async () => {
    const { code } = API_ERRORS.forbiddenHost;
    const body = JSON.stringify({ jsonrpc: '2.0', id: null, error: { code, message: 'not here' } });
    const server = await serverThat(() => ({ misbehave: (response) => response.writeHead(403).end(body) }));
    expect(await rejection(clientOf([server]).put('k', 'v'))).toMatchObject({ code, definite: true });
  });

  test('a read without an answer surely changed nothing', async () => {
    const server = await serverThat(() => silent);
    expect(await rejection(clientOf([server], { deadlineMs: 400 }).get('k'))).toBeInstanceOf(NoServer);
  });

  test('a stale sequence is an unknown outcome with its own code', async () => {
    const server = await serverThat(() => ({ error: API_ERRORS.staleSequence }));
    const error = await rejection(clientOf([server]).put('k', 'v'));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error.code).toBe(API_ERRORS.staleSequence.code);
    expect(server.calls).toHaveLength(1);
  });

  test('a sure failure is not made unknown by one more attempt too short for a verdict', async () => {
    const server = await serverThat(async () => {
      // Not a wait for something: so slow is this server, and 300 ms are left of the deadline then.
      await new Promise((resolve) => setTimeout(resolve, 200));
      return { error: API_ERRORS.noQuorum };
    });
    const error = await rejection(clientOf([server], { deadlineMs: 500 }).put('k', 'v'));
    expect(error).toMatchObject({ definite: true, code: API_ERRORS.noQuorum.code });
  });
});
