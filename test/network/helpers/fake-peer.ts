import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { CalleeHandshake, WELCOME, type Credentials } from '../../../src/network/handshake';

/** Of the server whose peer this is. */
export const CALLER: Credentials = { self: 0, cluster: 'test', token: 'the token of a test', agreement: {} };
/** The peer itself. */
export const CALLEE: Credentials = { ...CALLER, self: 1 };

export interface Call {
  readonly jsonrpc: string;
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}

export interface Received {
  readonly calls: readonly Call[];
  readonly headers: IncomingHttpHeaders;
  readonly url: string | undefined;
}

/** What a peer does with a batch that came over this connection. */
export type Answer = (calls: readonly Call[], socket: WebSocket) => void;

/** A server that stands in for a peer and does with each batch what the test says. */
export class FakePeer {
  /** Every batch so far, in the order of arrival. */
  readonly requests: Received[] = [];
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  readonly #arrivals = new Set<() => void>();

  private constructor(answer: Answer) {
    this.#server = createServer();
    this.#sockets = new WebSocketServer({ server: this.#server });
    const handshakes = new WeakMap<object, CalleeHandshake>();
    this.#sockets.on('headers', (headers, request) => {
      const handshake = new CalleeHandshake(CALLEE, request.headers);
      handshakes.set(request, handshake);
      headers.push(...handshake.headers);
    });
    this.#sockets.on('connection', (socket, request) => {
      const { headers, url } = request;
      let isMet = false;
      socket.on('message', (data) => {
        if (!isMet) {
          handshakes.get(request)?.check((data as Buffer).toString());
          isMet = true;
          socket.send(WELCOME);
          return;
        }
        const calls = JSON.parse((data as Buffer).toString()) as Call[];
        this.requests.push({ calls, headers, url });
        for (const arrived of this.#arrivals) arrived();
        answer(calls, socket);
      });
    });
  }

  static async start(answer: Answer): Promise<FakePeer> {
    const peer = new FakePeer(answer);
    await new Promise<void>((resolve) => {
      peer.#server.listen(0, '127.0.0.1', resolve);
    });
    return peer;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Every call so far. */
  get calls(): Call[] {
    return this.requests.flatMap((request) => request.calls);
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.clients.size;
  }

  /** Resolves once so many batches have arrived. */
  arrived(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.requests.length < count) return;
        this.#arrivals.delete(look);
        resolve();
      };
      this.#arrivals.add(look);
      look();
    });
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets.clients) socket.terminate();
    await closed;
  }
}

export function send(socket: WebSocket, message: unknown): void {
  socket.send(typeof message === 'string' ? message : JSON.stringify(message));
}

/** Gives each call its parameters back. */
export function echo(calls: readonly Call[], socket: WebSocket): void {
  send(
    socket,
    calls.map(({ id, params }) => ({ jsonrpc: '2.0', id, result: params })),
  );
}
