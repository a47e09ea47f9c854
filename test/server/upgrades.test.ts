import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { CallerHandshake } from '../../src/network/handshake';
import type { ApiHandler } from '../../src/server/rpc-calls';
import { PEER, startEndpoint, type TestEndpoint } from './helpers/endpoint';
import { rpc } from './helpers/http';
import { waitFor, within } from './helpers/wait';

let endpoint: TestEndpoint;
/** How often "count" was called. */
let counted = 0;
let release: () => void;
beforeAll(async () => {
  const slow = (): Promise<unknown> =>
    new Promise((resolve) => {
      release = () => {
        resolve('at last');
      };
    });
  endpoint = await startEndpoint(
    new Map<string, ApiHandler>([
      ['echo', (params) => Promise.resolve(params)],
      ['slow', slow],
      ['count', () => Promise.resolve(++counted)],
    ]),
    () => Promise.resolve(null),
  );
});
afterAll(() => endpoint.close());

const call = (method: string, params: unknown = {}): object => ({ jsonrpc: '2.0', id: 1, method, params });

describe('a WebSocket anywhere but at /rpc', () => {
  test.each(['/', '/livez', '/rpc/', '/rpc?a', '/rpc2'])('is passed over: %s', async (path) => {
    const { headers } = new CallerHandshake(PEER, 0);
    const socket = new WebSocket(`ws://127.0.0.1:${endpoint.port}${path}`, { headers });
    const answer = new Promise((resolve) => {
      socket.once('unexpected-response', (_, response) => {
        resolve(response.statusCode);
      });
      socket.once('open', () => {
        resolve('a connection');
      });
    });
    socket.on('error', () => undefined);
    expect(await within(5000, 'an answer', answer)).toBe(path === '/livez' ? 200 : 404);
    socket.terminate();
  });
});

describe('an upgrade that the server does not know', () => {
  /** All that comes back until the server has said `end`. */
  async function raw(request: string, end: string): Promise<string> {
    const socket = connect(endpoint.port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    socket.write(request);
    await waitFor(`an answer with ${end}`, () => text.includes(end));
    socket.destroy();
    return text;
  }
  const body = JSON.stringify(call('echo', { a: 'ü' }));
  const offer = `host: 127.0.0.1:0\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n`;
  const post = (text = body): string =>
    `POST /rpc HTTP/1.1\r\n${offer.replace(':0', `:${endpoint.port}`)}content-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;

  test('is passed over: the request is answered like any other', async () => {
    expect(await raw(post(), '}}')).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*"result":\{"a":"ü"\}/);
    const page = `GET /livez HTTP/1.1\r\n${offer.replace(':0', `:${endpoint.port}`)}\r\n`;
    expect(await raw(page, 'ok\n')).toMatch(/^HTTP\/1.1 200 OK/);
  });

  test('of several that come at once only the first is answered, and the connection closes', async () => {
    const requests = [1, 2, 3, 4, 5].map((n) => post(JSON.stringify(call('echo', { n }))));
    const socket = connect(endpoint.port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(requests.join(''));
    await within(5000, 'the end of the connection', closed);
    expect(text.match(/"n":\d/g)).toEqual(['"n":1']);
    expect(text).toMatch(/^connection: close/im);
  });

  test('what comes behind it while it is under way is not carried out', async () => {
    const [before, countedBefore] = [release, counted];
    const accepted = new Promise<Socket>((resolve) => endpoint.server.once('connection', resolve));
    const socket = connect(endpoint.port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const first = post(JSON.stringify(call('slow')));
    socket.write(first);
    await waitFor('the slow call', () => release !== before);
    const behind = post(JSON.stringify(call('count'))).replace(/connection:.*\r\n.*\r\n.*\r\n/, '');
    socket.write(behind);
    const ofServer = await accepted;
    await waitFor('its arrival', () => ofServer.bytesRead === first.length + behind.length);
    release();
    await within(5000, 'the end of the connection', closed);
    expect(text.match(/"result":[^}]*/g)).toEqual(['"result":"at last"']);
    expect(counted).toBe(countedBefore);
  });

  test('also while the answer before it is under way, which harms nobody when the caller breaks off', async () => {
    const request = post(JSON.stringify(call('slow'))).replace(/connection:.*\r\n.*\r\n.*\r\n/, '');
    const socket = connect(endpoint.port, '127.0.0.1');
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    const before = release;
    socket.write(request + post());
    await waitFor('the slow call', () => release !== before);
    release();
    await waitFor('both answers', () => text.split('"result"').length === 3);
    expect(text.indexOf('at last')).toBeLessThan(text.indexOf('ü'));
    const again = release;
    const other = connect(endpoint.port, '127.0.0.1');
    other.on('error', () => undefined);
    other.write(request + post());
    await waitFor('the slow call again', () => release !== again);
    other.resetAndDestroy();
    await waitFor('the end of the connection', () => other.destroyed);
    release();
    expect(await rpc(endpoint.port, 'echo', { still: 'here' })).toMatchObject({ result: { still: 'here' } });
  });

  test('also with very many headers: none of them is lost, and the connection ends if one says so', async () => {
    const [start = '', rest = ''] = post().split(/(?<=http2-settings: AAMAAABk\r\n)/);
    const request = start + 'a:\r\n'.repeat(2100) + rest;
    expect(await raw(request, '}}')).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*"result":\{"a":"ü"\}/);
    const last = post().replace('connection: Upgrade, HTTP2-Settings', 'connection: close, upgrade');
    expect(await raw(last, '}}')).toMatch(/^connection: close/im);
  });

  test('also when the body comes later', async () => {
    const [head = '', tail = ''] = post().split(/(?<=\r\n\r\n)/);
    const socket = connect(endpoint.port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(head);
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(tail);
    await within(5000, 'the end of the connection', closed);
    expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*"result":\{"a":"ü"\}/);
  });
});
