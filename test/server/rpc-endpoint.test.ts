import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { API_ERRORS } from '../../src/api/errors';
import { TOKEN, startEndpoint, type TestEndpoint } from './helpers/endpoint';
import { http, post, rpc, type RpcReply } from './helpers/http';

let endpoint: TestEndpoint;
const notified: unknown[] = [];

beforeAll(async () => {
  endpoint = await startEndpoint(
    new Map<string, (params: unknown) => Promise<unknown>>([
      ['echo', (params) => Promise.resolve(params)],
      [
        'note',
        (params) => {
          notified.push(params);
          return Promise.resolve(null);
        },
      ],
      ['rejects', () => Promise.reject(new Error('a secret of the server'))],
      ['integerCode', () => Promise.reject(Object.assign(new Error('nope'), { code: 42 }))],
      ['rejectsText', () => Promise.reject(Object.assign(new Error(), { name: 'Odd' }))],
    ]),
    (method) => Promise.reject(new Error(`${method} came through`)),
  );
});
afterAll(() => endpoint.close());

const call = (method: string, params?: unknown, id: unknown = 1): object => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});
const send = async (body: unknown, headers: Record<string, string> = {}): Promise<unknown> =>
  (await post(endpoint.port, JSON.stringify(body), headers)).answer;
const errorOf = (answer: unknown): RpcReply['error'] => (answer as RpcReply).error;

describe('JSON-RPC 2.0', () => {
  test('answers a single call under its own id, number or text', async () => {
    expect(await send(call('echo', { a: 1 }, 7))).toEqual({ jsonrpc: '2.0', id: 7, result: { a: 1 } });
    expect(await send(call('echo', { a: 1 }, 'x'))).toEqual({ jsonrpc: '2.0', id: 'x', result: { a: 1 } });
  });

  test('answers a batch with one answer for each call, a failed one among them', async () => {
    const answers = (await send([
      call('echo', { a: 1 }, 1),
      call('nothing', {}, 2),
      call('echo', {}, 3),
    ])) as RpcReply[];
    const byId = new Map(answers.map((answer) => [answer.id, answer]));
    expect(answers).toHaveLength(3);
    expect(byId.get(1)?.result).toEqual({ a: 1 });
    expect(byId.get(2)?.error?.code).toBe(API_ERRORS.methodNotFound.code);
    expect(byId.get(3)?.result).toEqual({});
  });

  test('carries out a notification and answers it with nothing', async () => {
    const { status, answer } = await post(
      endpoint.port,
      JSON.stringify({ jsonrpc: '2.0', method: 'note', params: { n: 1 } }),
    );
    expect([status, answer]).toEqual([204, undefined]);
    expect(notified).toEqual([{ n: 1 }]);
    const mixed = await send([{ jsonrpc: '2.0', method: 'note', params: { n: 2 } }, call('echo', {}, 5)]);
    expect(mixed).toEqual([{ jsonrpc: '2.0', id: 5, result: {} }]);
    expect(notified).toHaveLength(2);
  });

  test.each([
    ['an empty body', ''],
    ['half of an object', '{"jsonrpc": "2.0", '],
    ['two objects', '{}{}'],
  ])('%s is a parse error', async (_, body) => {
    const { status, answer } = await post(endpoint.port, body);
    expect(status).toBe(400);
    expect(answer).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32700 } });
  });

  test('a body that is not UTF-8 is a parse error', async () => {
    const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe, 0xc0]), Buffer.from('"}')]);
    const { status, answer } = await post(endpoint.port, body);
    expect(status).toBe(400);
    expect(errorOf(answer)?.code).toBe(-32700);
  });

  test.each([
    ['null', null],
    ['a number', 5],
    ['text', 'kv.get'],
    ['text that holds a call', JSON.stringify(call('echo'))],
    ['text that holds a batch in a batch', '[[]]'],
    ['an empty object', {}],
    ['an older version', { jsonrpc: '1.0', id: 1, method: 'echo' }],
    ['no version', { id: 1, method: 'echo' }],
    ['a method that is no text', { jsonrpc: '2.0', id: 1, method: 5 }],
    ['parameters that are no structure', { jsonrpc: '2.0', id: 1, method: 'echo', params: 'x' }],
    ['an id that is an object', { jsonrpc: '2.0', id: {}, method: 'echo' }],
    ['an empty batch', []],
    ['a batch in a batch', [[]]],
    ['a call in a batch in a batch', [call('echo'), [call('echo')]]],
  ])('%s is an invalid request', async (_, body) => {
    expect(errorOf(await send(body))?.code).toBe(-32600);
  });

  test('invalid members of a batch are refused one by one', async () => {
    const answers = (await send([1, call('echo', {}, 2), {}])) as RpcReply[];
    expect(answers.map((answer) => answer.error?.code ?? 'ok').sort()).toEqual([-32600, -32600, 'ok']);
  });

  test('a batch may have 1000 calls, and no more', async () => {
    const batch = (n: number): object[] => Array.from({ length: n }, (_, id) => call('echo', {}, id));
    expect(await send(batch(1000))).toHaveLength(1000);
    const answer = errorOf(await send(batch(1001)));
    expect(answer?.code).toBe(API_ERRORS.batchTooLong.code);
    expect(answer?.message).toContain('1000');
  });

  test.each([
    'nothing',
    'toString',
    'constructor',
    '__proto__',
    'hasOwnProperty',
    'rpc.foo',
    '',
    'x'.repeat(9999),
  ])('there is no method %j', async (method) => {
    const answer = errorOf(await send(call(method)));
    expect(answer?.code).toBe(API_ERRORS.methodNotFound.code);
    expect(answer?.message.length).toBeLessThan(200);
    expect(answer?.data).toEqual({ name: 'method not found', definite: true, retry: false });
  });

  test('a handler that fails is an internal error, which tells nothing of the inside', async () => {
    for (const method of ['rejects', 'integerCode', 'rejectsText']) {
      const before = endpoint.unexpected.length;
      const answer = errorOf(await send(call(method)));
      expect(answer?.code).toBe(API_ERRORS.internalError.code);
      expect(answer?.message).not.toContain('secret');
      expect(answer?.data.definite).toBe(false);
      expect(endpoint.unexpected).toHaveLength(before + 1);
    }
  });

  test('deeply nested JSON harms nobody', async () => {
    for (const [depth, code] of [
      [30_000, -32601],
      [200_000, -32600],
    ] as const) {
      const deep = '['.repeat(depth) + ']'.repeat(depth);
      const { answer } = await post(
        endpoint.port,
        `{"jsonrpc":"2.0","id":1,"method":"nothing","params":${deep}}`,
      );
      expect(errorOf(answer)?.code).toBe(code);
      expect(errorOf((await post(endpoint.port, deep)).answer)?.code).toBe(-32600);
    }
    expect(await send(call('echo', {}))).toMatchObject({ result: {} });
  });
});

describe('peers', () => {
  test.each([
    ['no token', {}],
    ['the token', { authorization: `Bearer ${TOKEN}` }],
    ['the names of a server', { 'x-synod-caller': '1', 'x-synod-nonce': 'x'.repeat(43) }],
  ])('with %s in its headers a request is a client: the methods of peers are refused', async (_, headers) => {
    for (const method of ['acceptor.prepare', 'learner.learn', 'leader.propose', 'cluster.hello']) {
      const answer = errorOf(await send(call(method, { slot: 1 }), headers));
      expect(answer?.code).toBe(API_ERRORS.unauthorized.code);
    }
  });
});

describe('who may speak, and how', () => {
  const body = JSON.stringify(call('echo', {}));

  test.each([
    'text/plain',
    'text/plain; a=application/json',
    'application/json; charset=latin1',
    'application/json-seq',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=application/json',
    '',
  ])('the media type %j is refused', async (type) => {
    const { status, answer } = await post(endpoint.port, body, { 'content-type': type });
    expect(status).toBe(415);
    expect(errorOf(answer)?.code).toBe(API_ERRORS.unsupportedMediaType.code);
  });

  test.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
  ])('the media type %j is read', async (type) => {
    expect((await post(endpoint.port, body, { 'content-type': type })).status).toBe(200);
  });

  test('a foreign Host is refused: a name that was rebound to this address does not reach the store', async () => {
    const { port } = endpoint;
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${port + 1}`]) {
      const { status, answer } = await post(port, body, { host });
      expect([host, status]).toEqual([host, 403]);
      expect(errorOf(answer)?.code).toBe(API_ERRORS.forbiddenHost.code);
    }
    expect((await post(port, body, { host: `LOCALHOST:${port}` })).status).toBe(200);
  });

  test('a foreign Origin is refused', async () => {
    const { port } = endpoint;
    for (const origin of [
      'http://evil.example',
      'null',
      `http://127.0.0.1:${port + 1}`,
      `http://localhost:${port}.evil.example`,
    ])
      expect([origin, (await post(port, body, { origin })).status]).toEqual([origin, 403]);
    expect((await post(port, body, { origin: `http://localhost:${port}` })).status).toBe(200);
  });

  test.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('%s /rpc is not allowed', async (method) => {
    const { status, headers, text } = await http(endpoint.port, { method });
    expect(status).toBe(405);
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(text).toContain('use POST');
  });

  test('HEAD /rpc is not allowed', async () => {
    expect((await http(endpoint.port, { method: 'HEAD' })).status).toBe(405);
  });

  test('other paths are not found', async () => {
    const { status, text } = await http(endpoint.port, { method: 'GET', path: '/nothing' });
    expect(status).toBe(404);
    expect(text).toContain('POST /rpc');
  });
});

test('after all of this the endpoint answers still', async () => {
  expect(await rpc(endpoint.port, 'echo', { still: 'here' })).toMatchObject({ result: { still: 'here' } });
});
