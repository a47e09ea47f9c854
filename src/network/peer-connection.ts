import type { IncomingMessage } from 'node:http';
import WebSocket, { type RawData } from 'ws';

/** Of a refusal only the reason is of interest. */
const REFUSAL_BYTES = 64 * 1024;

export interface ConnectionOptions {
  /** `http://host:port` */
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxAnswerBytes: number;
}

interface Exchange {
  readonly timer: NodeJS.Timeout;
  readonly resolve: (answer: string) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A connection to a peer, as a WebSocket [RFC 6455] at its path /rpc. It carries one exchange at a time: a message, and
 * the next one that comes back is its answer. It is opened when it is needed; after a failure the next exchange has a
 * new one, since nothing tells an answer that comes too late from that to the next message.
 */
export class PeerConnection {
  readonly #options: ConnectionOptions;
  #socket: WebSocket | undefined;
  #exchange: Exchange | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Rejects with an Error at the latest after `timeoutMs`, connecting included. */
  exchange(message: string, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#fail(new Error(`no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#exchange = { timer, resolve, reject };
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(message);
      else
        try {
          this.#open(message);
        } catch (error) {
          this.#fail(error as Error);
        }
    });
  }

  close(): void {
    this.#fail(new Error('the connection is closed'));
  }

  #open(first: string): void {
    const { origin, headers, maxAnswerBytes } = this.#options;
    const socket = new WebSocket(`${origin}/rpc`, {
      headers,
      maxPayload: maxAnswerBytes,
      // Between servers of one network it costs more time than it saves.
      perMessageDeflate: false,
      handshakeTimeout: 2_000,
    });
    const failed = (error: Error): void => {
      if (this.#socket === socket) this.#fail(error);
    };
    this.#socket = socket;
    socket.on('open', () => {
      socket.send(first);
    });
    socket.on('message', (data) => {
      if (this.#socket === socket) this.#answer(data);
    });
    socket.on('unexpected-response', (_request, response) => {
      void refusalOf(response).then(failed);
    });
    socket.on('error', failed);
    socket.on('close', () => {
      failed(new Error('the peer closed the connection'));
    });
  }

  #answer(data: RawData): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.#fail(new Error('an answer to nothing'));
      return;
    }
    this.#exchange = undefined;
    clearTimeout(exchange.timer);
    exchange.resolve((data as Buffer).toString('utf8'));
  }

  #fail(error: Error): void {
    const exchange = this.#exchange;
    const socket = this.#socket;
    this.#exchange = undefined;
    this.#socket = undefined;
    socket?.terminate();
    if (exchange === undefined) return;
    clearTimeout(exchange.timer);
    exchange.reject(error);
  }
}

/** What the peer says instead of opening the connection. */
async function refusalOf(response: IncomingMessage): Promise<Error> {
  let text = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk as string;
      if (text.length > REFUSAL_BYTES) break;
    }
    const { error } = JSON.parse(text) as { error?: { message?: string } };
    return new Error(`HTTP ${response.statusCode ?? 0}: ${error?.message ?? 'refused'}`);
  } catch {
    return new Error(`HTTP ${response.statusCode ?? 0}: no WebSocket of this kind`);
  }
}
