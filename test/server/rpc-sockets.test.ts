import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { WebSocket } from 'ws';
import { API_ERRORS } from '../../src/api/errors';
import { CallRefused, Unanswered } from '../../src/core/errors';
import { CallerHandshake } from '../../src/network/handshake';
import type { ApiHandler } from '../../src/server/rpc-calls';
import { PEER, startEndpoint, type TestEndpoint } from './helpers/endpoint';
import { rpc } from './helpers/http';
import { nextMessage, peerSocket } from './helpers/peer-socket';
import { waitFor, within } from './helpers/wait';

let endpoint: TestEndpoint;
let release: () => void;
const untilReleased = (): Promise<unknown> =>
  new Promise((resolve) => {
    release = () => {
      resolve('at last');
    };
  });
beforeAll(async () => {
  endpoint = await startEndpoint(
    new Map<string, ApiHandler>([['echo', (params) => Promise.resolve(params)]]),
    (method, params) => {
      if (method === 'acceptor.lost') return Promise.reject(new Unanswered('lost'));
      if (method === 'acceptor.fails') return Promise.reject(new Error('secret'));
      if (method === 'acceptor.strange')
        return Promise.reject(new CallRefused('invalid-params', 'they do not fit'));
      if (method !== 'acceptor.slow') return Promise.resolve({ asked: params });
      return untilReleased();
    },
  );
});
const sockets: WebSocket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});
afterAll(() => endpoint.close());

const call = (method: string, params: unknown = {}, id = 1): object => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});

/** A connection of a peer, until the test ends. Rejects with what the server says instead. */
function open(headers: Readonly<Record<string, string>> = {}, of = endpoint): Promise<WebSocket> {
  return peerSocket(of.port, PEER, { headers, onSocket: (socket) => sockets.push(socket) });
}

/** The next message that comes. */
function nextOf(socket: WebSocket): Promise<unknown> {
  return within(5000, 'a message', nextMessage(socket));
}

async function ask(socket: WebSocket, message: unknown): Promise<unknown> {
  const answer = nextOf(socket);
  socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  return answer;
}

describe('a connection of a peer', () => {
  test('every message is answered by one, whatever of it goes unanswered', async () => {
    const socket = await open();
    const asked = { jsonrpc: '2.0', id: 2, result: { asked: { slot: 1 } } };
    expect(await ask(socket, [call('acceptor.lost'), call('acceptor.prepare', { slot: 1 }, 2)])).toEqual([
      asked,
    ]);
    expect(await ask(socket, [call('acceptor.lost')])).toEqual([]);
    expect(await ask(socket, call('acceptor.prepare', { slot: 1 }, 2))).toEqual(asked);
  });

  test('what is wrong with a message or a call is said, and the connection stays', async () => {
    const socket = await open();
    expect(await ask(socket, 'half a [')).toMatchObject({ id: null, error: { code: -32700 } });
    expect(await ask(socket, [])).toMatchObject({ error: { code: -32600 } });
    expect(await ask(socket, [call('acceptor.strange')])).toMatchObject([
      { error: { code: API_ERRORS.invalidParams.code } },
    ]);
    const before = endpoint.unexpected.length;
    expect(await ask(socket, [call('acceptor.fails')])).toMatchObject([
      { error: { code: API_ERRORS.internalError.code } },
    ]);
    expect(endpoint.unexpected).toHaveLength(before + 1);
    expect(await ask(socket, [call('echo', { a: 1 })])).toMatchObject([{ result: { a: 1 } }]);
  });

  test('a slow message holds up no other one', async () => {
    const socket = await open();
    socket.send(JSON.stringify([call('acceptor.slow', {}, 1)]));
    expect(await ask(socket, [call('echo', {}, 2)])).toMatchObject([{ id: 2 }]);
    const slow = nextOf(socket);
    release();
    expect(await slow).toMatchObject([{ id: 1, result: 'at last' }]);
  });

  test('a message that is no text, or breaks the rules of WebSocket, ends the connection and nothing else', async () => {
    for (const harm of [Buffer.from([0xff, 0xff, 0xff]), Buffer.from([0xc1, 0x80])]) {
      const socket = await open();
      const closed = new Promise((resolve) => socket.once('close', resolve));
      // Behind the back of the library, which would not send it.
      (socket as unknown as { _socket: NodeJS.WritableStream })._socket.write(harm);
      await within(5000, 'the end of the connection', closed);
    }
    expect(await rpc(endpoint.port, 'echo', { still: 'here' })).toMatchObject({ result: { still: 'here' } });
  });

  test('when the server closes, an idle connection ends at once, a busy one after its answer', async () => {
    let arrived = false;
    const other = await startEndpoint(new Map(), () => {
      arrived = true;
      return new Promise((resolve) => setTimeout(resolve, 50, 'done'));
    });
    const [idle, busy] = [await open({}, other), await open({}, other)];
    const answer = ask(busy, [call('acceptor.prepare')]);
    await waitFor('its arrival', () => arrived);
    const codes = [idle, busy].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    await other.close();
    expect(await answer).toMatchObject([{ result: 'done' }]);
    expect(await Promise.all(codes)).toEqual([1001, 1001]);
  });

  test('a peer that neither reads nor leaves does not keep the server from closing', async () => {
    const other = await startEndpoint(new Map(), () => new Promise(() => undefined));
    const socket = await open({}, other);
    socket.send(JSON.stringify([call('acceptor.prepare')]));
    socket.pause();
    await within(5000, 'the end of the server', other.close());
  });
});

describe('who may connect', () => {
  test('from a foreign Host or Origin nobody does, however well proved', async () => {
    const forbidden = `"code":${API_ERRORS.forbiddenHost.code}`;
    await expect(open({ host: 'evil.example' })).rejects.toThrow(forbidden);
    await expect(open({ origin: 'http://evil.example' })).rejects.toThrow(forbidden);
  });

  test.each([
    ['keeps its half of the connection open', ''],
    ['goes on sending', 'x'.repeat(200_000)],
  ])('who is refused and %s does not keep the server from closing', async (_, behind) => {
    const other = await startEndpoint(new Map(), () => Promise.resolve(null));
    const socket = connect({ port: other.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined);
    const answer = new Promise<string>((resolve) =>
      socket.once('data', (data) => {
        resolve(data.toString());
      }),
    );
    socket.write(
      `GET /rpc HTTP/1.1\r\nhost: 127.0.0.1:${other.port}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`,
    );
    socket.write(behind);
    expect(await within(5000, 'an answer', answer)).toContain('403 Forbidden');
    await within(2000, 'the end of the server', other.close());
    socket.destroy();
  });

  test('a request for a WebSocket that is none is refused', async () => {
    const { headers: own } = new CallerHandshake(PEER, 0);
    const headers = { ...own, 'sec-websocket-key': 'x', 'sec-websocket-version': '13' };
    const socket = connect(endpoint.port, '127.0.0.1');
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `GET /rpc HTTP/1.1\r\nhost: 127.0.0.1:${endpoint.port}\r\nconnection: upgrade\r\nupgrade: websocket\r\n`;
    const answer = new Promise<string>((resolve) =>
      socket.once('data', (data) => {
        resolve(data.toString());
      }),
    );
    socket.write(`${head}${lines.join('')}\r\n`);
    expect(await within(5000, 'an answer', answer)).toContain('400 Bad Request');
    socket.destroy();
  });
});
