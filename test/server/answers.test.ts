import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { API_ERRORS } from '../../src/api/errors';
import { LIMITS } from '../../src/api/methods';
import { hostOf, originOf } from '../../src/server/hosts';
import { PEER, startEndpoint, type TestEndpoint } from './helpers/endpoint';
import { http, type RpcReply } from './helpers/http';
import { nextMessage, peerSocket } from './helpers/peer-socket';

const LARGE = 'v'.repeat(1024 * 1024);

let endpoint: TestEndpoint;
beforeAll(async () => {
  const large = (): Promise<unknown> => Promise.resolve({ found: true, value: LARGE });
  endpoint = await startEndpoint(
    new Map([
      ['large', large],
      ['small', () => Promise.resolve({ replaced: true, slot: 1 })],
    ]),
    () => Promise.resolve({ kind: 'promised', accepted: { value: LARGE } }),
  );
});
afterAll(() => endpoint.close());

async function send(body: unknown): Promise<unknown> {
  const host = { host: `127.0.0.1:${endpoint.port}` };
  const { text } = await http(endpoint.port, {
    body: JSON.stringify(body),
    headers: host,
  });
  return text === '' ? undefined : JSON.parse(text);
}
const batch = (method: string, count: number): object[] =>
  Array.from({ length: count }, (_, id) => ({ jsonrpc: '2.0', id, method }));

describe('the size of answers', () => {
  test('a batch of reads is answered as far as it goes, and the rest told so; small results are all there', async () => {
    const calls = [...batch('large', 20), { jsonrpc: '2.0', id: 'write', method: 'small' }];
    const answers = (await send(calls)) as RpcReply[];
    const given = answers.filter(({ result }) => result !== undefined);
    const refused = answers.filter(({ error }) => error?.code === API_ERRORS.answerTooLarge.code);
    expect(given.map(({ id }) => id)).toContain('write');
    expect(given.length).toBeGreaterThan(3);
    expect(JSON.stringify(given).length).toBeLessThan(LIMITS.answerCharacters + 2 * LARGE.length);
    expect(given.length + refused.length).toBe(21);
    expect(refused[0]?.error?.data.definite).toBe(false);
  });

  test('a peer gets what fits, and no answer to the rest, which it asks again', async () => {
    const socket = await peerSocket(endpoint.port, PEER);
    const answer = nextMessage(socket);
    socket.send(JSON.stringify(batch('acceptor.prepare', 64)));
    const answers = (await answer) as RpcReply[];
    socket.terminate();
    expect(answers.length).toBeGreaterThan(0);
    expect(answers.length).toBeLessThan(10);
    expect(answers.every(({ result }) => result !== undefined)).toBe(true);
  });

  test('one large answer alone is always given', async () => {
    expect(await send({ jsonrpc: '2.0', id: 1, method: 'large' })).toMatchObject({
      result: { value: LARGE },
    });
  });
});

describe('the form of calls', () => {
  test.each([
    ['another version', { jsonrpc: '1.0', id: 7, method: 'small' }, 7],
    ['no version', { id: 7, method: 'small' }, 7],
    ['parameters null', { jsonrpc: '2.0', id: 'x', method: 'small', params: null }, 'x'],
    ['an object for an id', { jsonrpc: '2.0', id: {}, method: 'small' }, null],
    ['a number for a method', { jsonrpc: '2.0', id: 7, method: 7 }, 7],
  ])('%s is an invalid request, under its id where it has one', async (_, call, id) => {
    const invalid = { id, error: { code: API_ERRORS.invalidRequest.code, data: { definite: true } } };
    expect(await send(call)).toMatchObject(invalid);
    expect(await send([call])).toMatchObject([invalid]);
  });

  test('a call with the id null is answered; only one without an id is a notification', async () => {
    expect(await send({ jsonrpc: '2.0', id: null, method: 'small' })).toMatchObject({ id: null, result: {} });
    expect(await send({ jsonrpc: '2.0', method: 'small' })).toBeUndefined();
  });

  test('a body over the limit that comes in pieces, its length untold, gets its error', async () => {
    const piece = 'x'.repeat(1024 * 1024);
    const body = Array.from({ length: LIMITS.bodyBytes / piece.length + 1 }, () => piece);
    const headers = { host: `127.0.0.1:${endpoint.port}` };
    const { status, text } = await http(endpoint.port, { body, headers });
    expect(status).toBe(413);
    expect(JSON.parse(text)).toMatchObject({ error: { code: API_ERRORS.bodyTooLarge.code } });
  });
});

describe('names', () => {
  test('a Host or Origin without a port means that of its scheme', () => {
    expect(hostOf('Example.org')).toBe('example.org:80');
    expect(hostOf('[::1]')).toBe('[::1]:80');
    expect(hostOf('[::1]:8080')).toBe('[::1]:8080');
    expect(originOf('http://localhost')).toBe('localhost:80');
    expect(originOf('https://localhost')).toBe('localhost:443');
    expect(originOf('https://localhost:15000')).toBe('localhost:15000');
    expect(originOf('null')).toBe('null');
  });

  test('the metrics are not for callers that know the server by another name; health is for all', async () => {
    const status = async (path: string, host: string): Promise<number> =>
      (await http(endpoint.port, { method: 'GET', path, headers: { host } })).status;
    expect(await status('/metrics', 'evil.example')).toBe(403);
    expect(await status('/metrics', `localhost:${endpoint.port}`)).toBe(200);
    expect(await status('/livez', 'evil.example')).toBe(200);
  });
});
