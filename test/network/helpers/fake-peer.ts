import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

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

/** A server that stands in for a peer and does with each request what the test says. */
export class FakePeer {
  /** Every request so far, in the order of arrival. */
  readonly requests: Received[] = [];
  readonly #server: Server;
  readonly #arrivals = new Set<() => void>();

  private constructor(answer: (calls: readonly Call[], response: ServerResponse) => void) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const calls = JSON.parse(Buffer.concat(chunks).toString()) as Call[];
        this.requests.push({ calls, headers: request.headers, url: request.url });
        for (const arrived of this.#arrivals) arrived();
        answer(calls, response);
      });
    });
  }

  static async start(answer: (calls: readonly Call[], response: ServerResponse) => void): Promise<FakePeer> {
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

  /** Resolves once so many requests have arrived. */
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
    this.#server.closeAllConnections();
    await closed;
  }
}

export function send(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** Gives each call its parameters back. */
export function echo(calls: readonly Call[], response: ServerResponse): void {
  send(
    response,
    calls.map(({ id, params }) => ({ jsonrpc: '2.0', id, result: params })),
  );
}
