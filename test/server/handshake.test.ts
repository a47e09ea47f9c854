import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { API_ERRORS } from '../../src/api/errors';
import {
  CalleeHandshake,
  CallerHandshake,
  MAX_FIRST_MESSAGE_BYTES,
  WELCOME,
  type Credentials,
} from '../../src/network/handshake';
import { Log } from '../../src/server/logging';
import { Refusals } from '../../src/server/refusals';
import { InProcessCluster } from './helpers/cluster';
import { CREDENTIALS, PEER, TOKEN, startEndpoint, type TestEndpoint } from './helpers/endpoint';
import { nextMessage, peerSocket } from './helpers/peer-socket';
import { waitFor, within } from './helpers/wait';

let endpoint: TestEndpoint;
/** Calls of peers that came through. */
const served: string[] = [];
const sockets: WebSocket[] = [];
beforeEach(async () => {
  served.length = 0;
  endpoint = await startEndpoint(new Map(), (method) => {
    served.push(method);
    return Promise.resolve('served');
  });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await endpoint.close();
});

const unauthorized = `"code":${API_ERRORS.unauthorized.code}`;
const prepare = JSON.stringify([{ jsonrpc: '2.0', id: 1, method: 'acceptor.prepare', params: {} }]);
const onSocket = (socket: WebSocket): void => void sockets.push(socket);

/** What the server at the endpoint says to a connection that begins with these headers and this message. */
interface Heard {
  readonly headers: Readonly<Record<string, string>>;
  readonly messages: string[];
  readonly socket: WebSocket;
}
async function begin(headers: Readonly<Record<string, string>>): Promise<Heard> {
  const socket = new WebSocket(`ws://127.0.0.1:${endpoint.port}/rpc`, { headers });
  sockets.push(socket);
  const messages: string[] = [];
  socket.on('message', (data) => messages.push((data as Buffer).toString()));
  return new Promise((resolve, reject) => {
    socket.once('upgrade', (response) => {
      socket.once('open', () => {
        resolve({ headers: response.headers as Record<string, string>, messages, socket });
      });
    });
    socket.on('error', reject);
  });
}
const untilClosed = ({ socket }: Heard): Promise<void> =>
  within(
    8000,
    'the end of the connection',
    new Promise((resolve) =>
      socket.once('close', () => {
        resolve();
      }),
    ),
  );

test('two servers with one token meet, and their calls are answered', async () => {
  const socket = await peerSocket(endpoint.port, PEER, { onSocket });
  const answer = nextMessage(socket);
  socket.send(prepare);
  expect(await answer).toEqual([{ jsonrpc: '2.0', id: 1, result: 'served' }]);
  expect(endpoint.met).toEqual([[1, undefined]]);
});

test('who was let in may stay silent for longer than a handshake lasts, and send more than its first message', async () => {
  const socket = await peerSocket(endpoint.port, PEER, { onSocket });
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const answer = nextMessage(socket);
  const params = { padding: 'x'.repeat(4 * MAX_FIRST_MESSAGE_BYTES) };
  socket.send(JSON.stringify([{ jsonrpc: '2.0', id: 1, method: 'acceptor.accept', params }]));
  expect(await within(5000, 'an answer', answer)).toEqual([{ jsonrpc: '2.0', id: 1, result: 'served' }]);
});

describe('a caller is not served', () => {
  test.each<[string, Readonly<Record<string, string>>]>([
    ['that says nothing of itself', {}],
    ['that sends the token, as servers did once', { authorization: `Bearer ${TOKEN}` }],
    ['without a nonce', { 'x-synod-caller': '1' }],
    ['with a short nonce', { 'x-synod-caller': '1', 'x-synod-nonce': 'x'.repeat(42) }],
    ['with an id that is none', { ...new CallerHandshake(PEER, 0).headers, 'x-synod-caller': '-1' }],
    ['that takes the name of the server itself', new CallerHandshake(CREDENTIALS, 0).headers],
  ])('%s: it is refused before there is a connection', async (_, headers) => {
    const socket = new WebSocket(`ws://127.0.0.1:${endpoint.port}/rpc`, { headers });
    sockets.push(socket);
    const status = new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode);
      });
    });
    socket.on('error', () => undefined);
    expect(await within(5000, 'a refusal', status)).toBe(403);
  });

  test.each<[string, (heard: Heard, own: CallerHandshake) => string]>([
    ['with no proof', () => prepare],
    ['with an empty proof', () => '{"proof":"","agreement":{}}'],
    ['with a proof of nothing', () => JSON.stringify({ proof: 'x'.repeat(43), agreement: PEER.agreement })],
    ['with the token itself', () => JSON.stringify({ proof: TOKEN, agreement: PEER.agreement })],
    [
      "with the server's own proof, sent back",
      ({ headers }) => JSON.stringify({ proof: headers['x-synod-proof'], agreement: PEER.agreement }),
    ],
  ])('%s', async (_, first) => {
    const own = new CallerHandshake(PEER, 0);
    const heard = await begin(own.headers);
    heard.socket.send(first(heard, own));
    heard.socket.send(prepare);
    await untilClosed(heard);
    expect(heard.messages).toHaveLength(1);
    expect(heard.messages[0]).toContain(unauthorized);
    expect(served).toEqual([]);
    expect(endpoint.met).toEqual([
      [1, expect.stringContaining('does not prove to be server 1 of cluster test')],
    ]);
  });

  test('with a proof that was recorded on another connection, with the same headers too', async () => {
    const own = new CallerHandshake(PEER, 0);
    const recorded = await begin(own.headers);
    const first = own.answer(recorded.headers);
    recorded.socket.send(first);
    await waitFor('a welcome', () => recorded.messages[0] === WELCOME);
    const replayed = await begin(own.headers);
    replayed.socket.send(first);
    replayed.socket.send(prepare);
    await untilClosed(replayed);
    expect(replayed.messages[0]).toContain(unauthorized);
    expect(served).toEqual([]);
  });

  test('with a proof that a server made for another one', async () => {
    const own = new CallerHandshake(PEER, 2);
    const heard = await begin(own.headers);
    // The answer of the true server 2, had it met the same nonces.
    expect(() => own.answer(heard.headers)).toThrow('does not prove to be server 2');
    const forged = new CalleeHandshake({ ...CREDENTIALS, self: 2 }, own.headers);
    const answers = Object.fromEntries(forged.headers.map((line) => line.split(': ') as [string, string]));
    heard.socket.send(own.answer(answers));
    await untilClosed(heard);
    expect(heard.messages[0]).toContain(unauthorized);
  });

  test('that sends more than a first message may have: the connection ends before that is read', async () => {
    const own = new CallerHandshake(PEER, 0);
    const heard = await begin(own.headers);
    // The proof holds, and white space behind it would not matter.
    heard.socket.send(own.answer(heard.headers) + ' '.repeat(4 * MAX_FIRST_MESSAGE_BYTES));
    await untilClosed(heard);
    expect(heard.messages).toEqual([]);
    expect(endpoint.met).toEqual([]);
  });

  test('that goes on with a first message of any length: the connection ends', async () => {
    const heard = await begin(new CallerHandshake(PEER, 0).headers);
    heard.socket.send('x'.repeat(2 * MAX_FIRST_MESSAGE_BYTES), { fin: false });
    await untilClosed(heard);
    expect(heard.messages).toEqual([]);
  });

  test('that stays silent: the connection ends soon', async () => {
    const heard = await begin(new CallerHandshake(PEER, 0).headers);
    await untilClosed(heard);
    expect(served).toEqual([]);
  }, 15_000);

  test.each<[string, Credentials['agreement'], string]>([
    ['another lease', { cluster: 'test', lease: '50 ms' }, '(lease: 500 ms here, 50 ms there)'],
    ['more to agree on', { ...PEER.agreement, x: '1' }, '(x: none here, 1 there)'],
    ['nothing', {}, '(cluster: test here, none there; lease: 500 ms here, none there)'],
  ])('that agrees on %s: the refusal names what differs', async (_, agreement, says) => {
    await expect(peerSocket(endpoint.port, { ...PEER, agreement }, { onSocket })).rejects.toThrow(says);
    expect(endpoint.met).toEqual([[1, expect.stringContaining(says)]]);
    expect(served).toEqual([]);
  });
});

describe('a callee hears nothing', () => {
  test.each<[string, Partial<Credentials>]>([
    ['of another token', { token: 'another token, also long enough' }],
    ['of another cluster', { cluster: 'other' }],
    ['of another id', { self: 2 }],
  ])('%s', (_, changes) => {
    const own = new CallerHandshake(PEER, 0);
    const other = new CalleeHandshake({ ...CREDENTIALS, ...changes }, own.headers);
    const headers = Object.fromEntries(other.headers.map((line) => line.split(': ') as [string, string]));
    expect(() => own.answer(headers)).toThrow('does not prove to be server 0 of cluster test');
  });

  test('that sends the challenge on to the caller itself, and its proof back', async () => {
    // Server 0 calls "server 1", which is an attacker, who calls server 0 with the same nonce.
    const call = new CallerHandshake(CREDENTIALS, 1);
    const nonce = call.headers['x-synod-nonce'] ?? '';
    const { headers } = await begin({ 'x-synod-caller': '1', 'x-synod-nonce': nonce });
    expect(headers['x-synod-proof']).toMatch(/^[\w-]{43}$/);
    expect(() => call.answer(headers)).toThrow('does not prove to be server 1');
  });
});

/** Listens at the port of a dead server, lets everybody in, and keeps all that it hears. */
class Impostor {
  heard = '';
  connections = 0;
  readonly #server = createServer();
  readonly #sockets = new WebSocketServer({ server: this.#server });

  constructor(port: number) {
    this.#sockets.on('headers', (headers, { headers: asked, rawHeaders }) => {
      this.connections++;
      this.heard += rawHeaders.join('\n');
      // In turn: no proof, the challenge itself, and a proof of another token.
      const mimic = new CalleeHandshake({ ...CREDENTIALS, cluster: 'synod', self: 2 }, asked);
      const proofs = [[], [`x-synod-proof: ${String(asked['x-synod-nonce'])}`], mimic.headers];
      headers.push(...(proofs[this.connections % proofs.length] ?? []));
    });
    this.#sockets.on('connection', (socket) => {
      socket.on('error', () => undefined);
      socket.on('message', (data) => (this.heard += (data as Buffer).toString()));
      socket.send(WELCOME);
    });
    this.#server.listen(port, '127.0.0.1');
  }

  close(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

describe('whoever listens at the port of a dead server', () => {
  test('hears nothing that opens acceptor.*, whatever it answers, and is told of once', async () => {
    const warn = jest.spyOn(Log.prototype, 'warn').mockImplementation(() => undefined);
    const cluster = await InProcessCluster.start();
    await cluster.stop(2);
    const impostor = new Impostor(cluster.port(2));
    try {
      await waitFor('a dozen connections', () => impostor.connections >= 12, 20_000);
      for (const secret of [cluster.configuration(0).token, 'bearer', 'acceptor.', 'learner.', 'leader.'])
        expect(impostor.heard.toLowerCase()).not.toContain(secret);
      await cluster.result(0, 'kv.put', { key: 'still', value: 'here' });
    } finally {
      impostor.close();
      await cluster.close();
    }
    const told = warn.mock.calls.filter(([message]) => message === 'no connection to server 2');
    warn.mockRestore();
    // By each of the two others.
    expect(told).toHaveLength(2);
    expect(told[0]?.[1]?.['reason']).toContain('does not prove to be server 2 of cluster synod');
  }, 40_000);
});

describe('refusals in the log', () => {
  test('are told once, again after a success, and otherwise once a minute at most', () => {
    let now = 0;
    const told: string[] = [];
    const refusals = new Refusals({ now: () => now }, (message, reason) =>
      told.push(`${message}: ${reason}`),
    );
    const note = (reason: string | undefined, who = 'a'): string[] => {
      refusals.note(who, reason);
      return told.splice(0);
    };
    expect(note('x')).toEqual(['a: x']);
    expect(note('x')).toEqual([]);
    expect(note('x', 'b')).toEqual(['b: x']);
    expect(note('y')).toEqual([]);
    now = 60_000;
    expect(note('x')).toEqual([]);
    expect(note('y')).toEqual(['a: y']);
    expect(note(undefined)).toEqual([]);
    expect(note('y')).toEqual(['a: y']);
  });
});
