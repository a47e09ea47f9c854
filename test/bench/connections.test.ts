import { afterEach, describe, expect, test } from '@jest/globals';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { GrpcSessions } from '../../src/bench/etcd/grpc-connection';
import { FramedConnection } from '../../src/bench/framed-connection';
import { decodeResponse, httpWire } from '../../src/bench/synod/http-wire';
import type { Connection, ConnectionOptions, Operation } from '../../src/bench/system';
import { bytes, int, long, packet } from '../../src/bench/zookeeper/jute';
import { zookeeperWire } from '../../src/bench/zookeeper/zookeeper-wire';
import type { Address } from '../../src/network/address';

const options: ConnectionOptions = { valueBytes: 3, read: 'linearizable', timeoutMs: 5000 };
const put: Operation = { kind: 'put', key: 'a' };
const get: Operation = { kind: 'get', key: 'a' };
const create: Operation = { kind: 'create', key: 'a' };

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listening(server: Server | ReturnType<typeof createHttp2Server>): Promise<Address> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

function tcpServer(onData: (chunk: Buffer, socket: Socket) => void): Promise<Address> {
  return listening(
    createServer((socket) => {
      closers.push(() => socket.destroy());
      socket
        .on('error', () => undefined)
        .on('data', (chunk) => {
          onData(chunk, socket);
        });
    }),
  );
}

function opened<T extends Connection>(connection: T): T {
  closers.push(() => {
    connection.close();
  });
  return connection;
}

function response(body: unknown): Buffer {
  const text = JSON.stringify(body);
  return Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
}
const ok = { jsonrpc: '2.0', id: 1, result: {} };
const failure = { jsonrpc: '2.0', id: 1, error: { code: -32003, message: 'too many' } };

describe('JSON-RPC over HTTP', () => {
  test('one operation is a call, several are a batch', () => {
    const { encode } = httpWire({ host: '127.0.0.1', port: 15000 }, options);
    const bodyOf = (operations: Operation[]): unknown => {
      const [head = '', body = ''] = String(encode(operations)).split('\r\n\r\n');
      expect(head).toContain('host: 127.0.0.1:15000');
      expect(Number(/content-length: (\d+)/.exec(head)?.[1])).toBe(Buffer.byteLength(body));
      return JSON.parse(body);
    };
    const puts = { jsonrpc: '2.0', method: 'kv.put', params: { key: 'a', value: 'vvv' } };
    const gets = { jsonrpc: '2.0', method: 'kv.get', params: { key: 'a', read: 'linearizable' } };
    expect(bodyOf([put])).toEqual({ ...puts, id: 1 });
    expect(bodyOf([put, get])).toEqual([
      { ...puts, id: 0 },
      { ...gets, id: 1 },
    ]);
  });

  test('an answer is taken when it is whole, and its errors are counted', () => {
    const whole = response([ok, failure, failure]);
    for (let length = 0; length < whole.length; length++)
      expect(decodeResponse(whole.subarray(0, length))).toBeUndefined();
    const two = Buffer.concat([whole, response(ok)]);
    expect(decodeResponse(two)).toEqual({ bytes: whole.length, refusal: { failed: 2, reason: 'too many' } });
    expect(decodeResponse(two.subarray(whole.length))).toMatchObject({ refusal: undefined });
    // As a whole: none of the calls was carried out.
    expect(decodeResponse(response(failure))?.refusal?.failed).toBeGreaterThan(1000);
    expect(() => decodeResponse(Buffer.from('SSH-2.0\r\n\r\n'))).toThrow('does not speak');
  });

  test('many in flight are answered in their order, however the bytes are cut', async () => {
    const server = await tcpServer((chunk, socket) => {
      const requests = chunk.toString().split('POST').length - 1;
      const answers = Array.from({ length: requests }, (_, i) => response(i === 1 ? failure : ok));
      const all = Buffer.concat(answers);
      socket.write(all.subarray(0, 50), () => socket.write(all.subarray(50)));
    });
    const connection = opened(new FramedConnection(server, httpWire(server, options), 5000));
    const outcomes = await Promise.all([put, put, put].map((each) => connection.send([each])));
    expect(outcomes.map((refusal) => refusal?.reason)).toEqual([undefined, 'too many', undefined]);
  });

  test('a connection that is lost, silent or closed rejects; the next request connects again', async () => {
    let requests = 0;
    const server = await tcpServer((_, socket) => {
      requests++;
      if (requests === 1) socket.destroy();
      else if (requests === 3) socket.write(response(ok));
    });
    const connection = opened(new FramedConnection(server, httpWire(server, options), 50));
    await expect(connection.send([put])).rejects.toThrow(/closed|ECONNRESET/);
    await expect(connection.send([put])).rejects.toThrow('no answer within 50 ms');
    await expect(connection.send([put])).resolves.toBeUndefined();
    const waiting = connection.send([put]);
    connection.close();
    await expect(waiting).rejects.toThrow('was closed');
  });
});

describe('ZooKeeper', () => {
  const reply = (code: number): Buffer => packet(int(1), long(7n), int(code));
  const session = packet(int(0), int(40_000), long(5n), bytes(Buffer.alloc(16)), Buffer.of(0));

  test('a connection begins with a session; a synced read is two requests with two answers', async () => {
    const types: number[] = [];
    const server = await tcpServer((chunk, socket) => {
      for (let at = 0; at < chunk.length; at += 4 + chunk.readInt32BE(at)) {
        const isGreeting = types.length === 0;
        types.push(isGreeting ? 0 : chunk.readInt32BE(at + 8));
        const codes: Record<number, number> = { 1: -110, 5: -101 };
        socket.write(isGreeting ? session : reply(codes[types.at(-1) ?? 0] ?? 0));
      }
    });
    const connection = opened(new FramedConnection(server, zookeeperWire(options), 5000));
    await expect(connection.send([get])).resolves.toBeUndefined();
    // A node that exists already is as good as one just made.
    await expect(connection.send([create])).resolves.toBeUndefined();
    await expect(connection.send([put])).resolves.toMatchObject({
      failed: 1,
      reason: "ZooKeeper's error -101",
    });
    expect(types).toEqual([0, 9, 4, 1, 5]);
  });

  test('setData has path, value and any version, in the jute encoding', () => {
    const encoded = zookeeperWire(options).encode([put]) as Buffer;
    const expected = ['00000001', '00000005', '000000022f61', '00000003767676', 'ffffffff'].join('');
    expect(encoded.toString('hex')).toBe(`00000019${expected}`);
  });

  test('a refused session is an error', async () => {
    const refused = packet(int(0), int(0), long(0n), bytes(Buffer.alloc(16)), Buffer.of(0));
    const server = await tcpServer((_, socket) => socket.write(refused));
    const connection = opened(new FramedConnection(server, zookeeperWire(options), 5000));
    await expect(connection.send([put])).rejects.toThrow('refused the session');
  });
});

describe('etcd', () => {
  async function grpcServer(answer: (stream: ServerHttp2Stream, path: string) => void): Promise<Address> {
    const server = createHttp2Server();
    server.on('session', (session) => {
      closers.push(() => {
        session.destroy();
      });
    });
    server.on('stream', (stream, headers) => {
      stream
        .on('error', () => undefined)
        .on('end', () => {
          answer(stream, String(headers[':path']));
        });
      stream.resume();
    });
    return await listening(server);
  }

  test('calls Put and Range; success stands in the last headers, refusal in the first', async () => {
    const paths: string[] = [];
    const server = await grpcServer((stream, path) => {
      paths.push(path);
      if (paths.length > 2) {
        stream.respond(
          { ':status': 200, 'grpc-status': '14', 'grpc-message': 'no leader' },
          { endStream: true },
        );
        return;
      }
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => {
        stream.sendTrailers({ 'grpc-status': '0' });
      });
      stream.end(Buffer.alloc(5));
    });
    const connection = opened(new GrpcSessions().connect(server, options));
    await expect(connection.send([put])).resolves.toBeUndefined();
    await expect(connection.send([get])).resolves.toBeUndefined();
    await expect(connection.send([get])).resolves.toEqual({ failed: 1, reason: 'no leader' });
    expect(paths).toEqual(['Put', 'Range', 'Range'].map((method) => `/etcdserverpb.KV/${method}`));
  });

  test('silence, a closed connection and a server that is gone reject', async () => {
    const server = await grpcServer(() => undefined);
    const sessions = new GrpcSessions();
    const impatient = opened(sessions.connect(server, { ...options, timeoutMs: 50 }));
    await expect(impatient.send([put])).rejects.toThrow('no answer within 50 ms');
    const connection = opened(sessions.connect(server, options));
    const waiting = connection.send([put]);
    connection.close();
    await expect(waiting).rejects.toThrow('was closed');
    const nobody = opened(sessions.connect({ host: '127.0.0.1', port: 1 }, options));
    await expect(nobody.send([put])).rejects.toThrow('ECONNREFUSED');
  });
});
