import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { API_ERRORS } from '../../src/api/errors';
import { LIMITS } from '../../src/api/methods';
import { InProcessCluster } from './helpers/cluster';
import { http, post, rawConnection, type RpcReply } from './helpers/http';
import { waitFor, within } from './helpers/wait';

let cluster: InProcessCluster;
let port: number;
beforeAll(async () => {
  cluster = await InProcessCluster.start({ servers: 1, ephemeral: true });
  port = cluster.port(0);
});
afterEach(async () => {
  expect(await cluster.call(0, 'kv.get', { key: 'still here?' })).toMatchObject({ result: { found: false } });
});
afterAll(() => cluster.close());

const put = (key: unknown, value: unknown = 'v'): Promise<RpcReply> =>
  cluster.call(0, 'kv.put', { key, value });
const invalid = (answer: RpcReply): string => {
  expect(answer.error?.code).toBe(API_ERRORS.invalidParams.code);
  expect(answer.error?.data).toEqual({ name: 'invalid params', definite: true, retry: false });
  return answer.error?.message ?? '';
};

describe('keys and values', () => {
  test('keys have 1 to 1024 bytes of UTF-8, whatever they are made of', async () => {
    for (const [unit, bytes] of [
      ['a', 1],
      ['é', 2],
      ['€', 3],
      ['𝒳', 4],
      ['\0', 1],
    ] as const) {
      const longest = unit.repeat(LIMITS.keyBytes / bytes) + 'a'.repeat(LIMITS.keyBytes % bytes);
      expect((await put(longest)).result).toMatchObject({ replaced: false });
      expect(await cluster.result(0, 'kv.get', { key: longest })).toMatchObject({ value: 'v' });
      expect(invalid(await put(`${longest}a`))).toContain('1 to 1024 bytes');
    }
    expect(invalid(await put(''))).toContain('1 to 1024 bytes');
  });

  test('values have up to 1 MiB of UTF-8, also when every character is escaped', async () => {
    for (const longest of ['\0'.repeat(LIMITS.valueBytes), '𝒳'.repeat(LIMITS.valueBytes / 4)]) {
      expect((await put('large', longest)).error).toBeUndefined();
      expect(await cluster.result(0, 'kv.get', { key: 'large' })).toMatchObject({ value: longest });
      expect(invalid(await put('large', `${longest}a`))).toContain('bytes of UTF-8');
    }
    expect((await put('empty', '')).result).toBeDefined();
    expect(await cluster.result(0, 'kv.get', { key: 'empty' })).toMatchObject({ found: true, value: '' });
  });

  test('a lone surrogate has no UTF-8 form and is refused, in keys, values and everywhere else', async () => {
    expect(invalid(await put('a\ud800'))).toContain('well-formed');
    expect(invalid(await put('a', '\udc00'))).toContain('well-formed');
    expect(invalid(await cluster.call(0, 'kv.get', { key: '\ud800' }))).toContain('well-formed');
    expect(invalid(await cluster.call(0, 'kv.list', { prefix: '\ud800' }))).toContain('well-formed');
    const session = { key: 'a', value: 'b', client: '\ud800', sequence: 1 };
    expect(invalid(await cluster.call(0, 'kv.put', session))).toContain('well-formed');
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', ' ', '\0', '𝒳', 'a/b', '..'])(
    '%j is an ordinary key',
    async (key) => {
      expect(await cluster.result(0, 'kv.get', { key })).toMatchObject({ found: false });
      expect(await cluster.result(0, 'kv.put', { key, value: 'x' })).toMatchObject({ replaced: false });
      expect(await cluster.result(0, 'kv.get', { key })).toMatchObject({ found: true, value: 'x' });
      const { entries } = await cluster.result<{ entries: unknown[] }>(0, 'kv.list', { prefix: key });
      expect(entries).toContainEqual({ key, value: 'x' });
      expect(await cluster.result(0, 'kv.compareAndSet', { key, expect: 'x', value: null })).toMatchObject({
        swapped: true,
        actual: 'x',
      });
      expect(await cluster.result(0, 'kv.delete', { key })).toMatchObject({ deleted: false });
      expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    },
  );
});

describe('parameters', () => {
  test.each<[string, unknown, string]>([
    ['kv.put', undefined, 'key is missing'],
    ['kv.put', [], 'expected object'],
    ['kv.put', ['a', 'b'], 'expected object'],
    ['kv.put', { key: 'a' }, 'value is missing'],
    ['kv.put', { key: 5, value: 'b' }, 'key must be a string'],
    ['kv.put', { key: null, value: 'b' }, 'key must be a string'],
    ['kv.put', { key: 'a', value: { toString: 'b' } }, 'value must be a string'],
    ['kv.put', { key: 'a', value: 'b', ttl: 5 }, 'ttl'],
    ['kv.put', { key: 'a', value: 'b', client: 'c' }, 'client and sequence go together'],
    ['kv.put', { key: 'a', value: 'b', sequence: 1 }, 'client and sequence go together'],
    ['kv.put', { key: 'a', value: 'b', client: '', sequence: 1 }, 'client must have 1 to 128 bytes'],
    ['kv.put', { key: 'a', value: 'b', client: 'é'.repeat(65), sequence: 1 }, 'client must have'],
    ['kv.put', { key: 'a', value: 'b', client: 'c', sequence: 0 }, 'sequence'],
    ['kv.put', { key: 'a', value: 'b', client: 'c', sequence: 1.5 }, 'sequence'],
    ['kv.put', { key: 'a', value: 'b', client: 'c', sequence: 2 ** 53 }, 'sequence'],
    ['kv.put', { key: 'a', value: 'b', client: 'c', sequence: '1' }, 'sequence'],
    ['kv.delete', { key: 'a', value: 'b' }, 'value'],
    ['kv.compareAndSet', { key: 'a', value: 'b' }, 'expect'],
    ['kv.compareAndSet', { key: 'a', expect: 'b' }, 'value'],
    ['kv.get', { key: 'a', read: 'strong' }, 'read'],
    ['kv.list', { limit: 0 }, 'limit'],
    ['kv.list', { limit: 1001 }, 'limit'],
    ['cluster.status', { verbose: true }, 'verbose'],
    ['faults.set', { acceptorFailure: 1.1 }, 'acceptorFailure'],
    ['faults.set', { acceptorFailure: -0.1 }, 'acceptorFailure'],
    ['faults.set', {}, 'acceptorFailure'],
    ['faults.set', { acceptorFailure: '0.5' }, 'acceptorFailure'],
    ['logs.set', { level: 'trace' }, 'level'],
  ])('%s %j is refused with a sentence that says what is wrong', async (method, params, says) => {
    expect(invalid(await cluster.call(0, method, params))).toContain(says);
  });

  test('the parameter is named once', async () => {
    const message = async (params: unknown): Promise<string> =>
      invalid(await cluster.call(0, 'kv.put', params));
    expect(await message({ key: '', value: 'b' })).toBe(
      'invalid params: key must have 1 to 1024 bytes of UTF-8',
    );
    expect(await message({ key: 'a', value: 'b', client: 'c', sequence: 0 })).toMatch(
      /^invalid params: sequence: /,
    );
  });

  test('an own property __proto__ is an unknown parameter', async () => {
    const body =
      '{"jsonrpc":"2.0","id":1,"method":"kv.put","params":{"key":"a","value":"b","__proto__":{"x":1}}}';
    expect(invalid((await post(port, body)).answer as RpcReply)).toContain('__proto__');
  });

  test('of very many unknown parameters only one is named', async () => {
    const names = (count: number): string => Array.from({ length: count }, (_, i) => `"p${i}":0`).join();
    const of = (count: number): string =>
      `{"jsonrpc":"2.0","id":1,"method":"kv.get","params":{${names(count)}}}`;
    const said = invalid((await post(port, of(5000))).answer as RpcReply);
    expect(said.length).toBeLessThan(200);
    const { status, answer } = await post(port, of(500_000));
    expect(status).toBe(400);
    expect((answer as RpcReply).error).toMatchObject({ code: API_ERRORS.invalidRequest.code });
  });

  test('a request has so many values at most, and a text may hold any number of their signs', async () => {
    const values = `[${'0,'.repeat(LIMITS.bodyParts)}0]`;
    const { status, answer } = await post(
      port,
      `{"jsonrpc":"2.0","id":1,"method":"kv.get","params":{"key":${values}}}`,
    );
    expect([status, (answer as RpcReply).error?.code]).toEqual([400, API_ERRORS.invalidRequest.code]);
    const signs = '",[{\\'.repeat(LIMITS.bodyParts);
    expect((await put('signs', signs)).error).toBeUndefined();
    expect(await cluster.result(0, 'kv.get', { key: 'signs' })).toMatchObject({ value: signs });
  });

  test('a parameter that is nested without end is refused', async () => {
    const deep = '['.repeat(30_000) + ']'.repeat(30_000);
    for (const params of [
      `{"key":${deep},"value":"b"}`,
      `{"key":"a","value":${deep}}`,
      `{"key":"a","value":"b","x":${deep}}`,
    ]) {
      const { answer } = await post(port, `{"jsonrpc":"2.0","id":1,"method":"kv.put","params":${params}}`);
      invalid(answer as RpcReply);
    }
  });
});

describe('bodies', () => {
  const call = '{"jsonrpc":"2.0","id":1,"method":"kv.get","params":{"key":"a"}}';
  const padding = (bytes: number): string => ' '.repeat(bytes);

  test('a body may have 8 MiB, and no more', async () => {
    const fits = call + padding(LIMITS.bodyBytes - call.length);
    expect((await post(port, fits)).status).toBe(200);
    const { status, answer } = await post(port, `${fits} `);
    expect(status).toBe(413);
    expect((answer as RpcReply).error).toMatchObject({
      code: API_ERRORS.bodyTooLarge.code,
      message: expect.stringContaining(String(LIMITS.bodyBytes)) as unknown as string,
    });
  });

  test('a chunked body, whose length is not told, has the same limit and the same refusal', async () => {
    const piece = padding(1024 * 1024);
    expect((await post(port, [call, ...Array.from({ length: 7 }, () => piece)])).status).toBe(200);
    const { status, answer } = await post(port, [call, ...Array.from({ length: 8 }, () => piece)]);
    expect(status).toBe(413);
    expect((answer as RpcReply).error?.code).toBe(API_ERRORS.bodyTooLarge.code);
  });

  test('a body without end is not read to its end', async () => {
    const socket = await rawConnection(port);
    let answer = '';
    socket.on('data', (data: Buffer) => (answer += data.toString()));
    socket.on('error', () => undefined);
    socket.write(
      `POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n`,
    );
    await waitFor('the refusal', () => answer.includes('413') && answer.includes('-32006'));
    socket.destroy();
  });
});

describe('clients that do not behave', () => {
  test('one that dribbles its body holds up nobody', async () => {
    const sockets = await Promise.all(Array.from({ length: 20 }, () => rawConnection(port)));
    for (const socket of sockets) {
      socket.write(
        `POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
      );
    }
    const startedAt = performance.now();
    for (let i = 0; i < 20; i++) expect((await put(`key ${i}`)).error).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(3000);
    for (const socket of sockets) socket.destroy();
  });

  test('one that hangs up in the middle of its body is forgotten', async () => {
    for (const head of [
      'POST /rpc HTTP/1.1\r\n',
      `POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"jsonrpc"`,
      `POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"jso\r\n`,
    ]) {
      const socket = await rawConnection(port);
      await new Promise<void>((resolve) =>
        socket.write(head, () => {
          resolve();
        }),
      );
      socket.destroy();
    }
    const { status } = await http(port, { method: 'GET', path: '/livez' });
    expect(status).toBe(200);
  });

  test('one that hangs up before its answer leaves its write in place', async () => {
    const body = '{"jsonrpc":"2.0","id":1,"method":"kv.put","params":{"key":"left","value":"behind"}}';
    const socket = await rawConnection(port);
    socket.write(
      `POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      () => socket.destroy(),
    );
    await waitFor('the write', async () => {
      const { value } = await cluster.result<{ value?: string }>(0, 'kv.get', { key: 'left' });
      return value === 'behind';
    });
  });

  test('one that speaks something else gets 400', async () => {
    const socket = await rawConnection(port);
    let answer = '';
    socket.on('data', (data: Buffer) => (answer += data.toString()));
    const closed = new Promise<void>((resolve) => {
      socket.on('close', () => {
        resolve();
      });
    });
    socket.write('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03');
    await within(2000, 'the connection is closed', closed);
    expect(answer).toContain('400');
  });
});
