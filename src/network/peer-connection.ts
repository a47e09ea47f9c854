import type { IncomingMessage } from 'node:http';
import WebSocket, { type RawData } from 'ws';
import type { ServerId } from '../core/ballot';
import { CallerHandshake, WELCOME, type Credentials } from './handshake';

/** Of a refusal only the reason is of interest. */
const REFUSAL_BYTES = 64 * 1024;
const REASON_CHARACTERS = 1000;

export interface ConnectionOptions {
  readonly peer: ServerId;
  /** `http://host:port` */
  readonly origin: string;
  readonly credentials: Credentials;
  readonly maxAnswerBytes: number;
  /** The peer let this server in; or, with a reason, one of the two does not take the other for a server of its cluster. */
  readonly onMet: (refusal: string | undefined) => void;
}

interface Exchange {
  readonly timer: NodeJS.Timeout;
  readonly resolve: (answer: string) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A connection to a peer, as a WebSocket [RFC 6455] at its path /rpc. It carries one exchange at a time: a message, and
 * the next one that comes back is its answer. It is opened when it is needed, and both sides prove themselves before the
 * first exchange; after a failure the next exchange has a new one, since nothing tells an answer that comes too late from
 * that to the next message.
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
      // A connection that is kept from one exchange to the next has had its welcome.
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
    const { peer, origin, credentials, maxAnswerBytes, onMet } = this.#options;
    const handshake = new CallerHandshake(credentials, peer);
    const socket = new WebSocket(`${origin}/rpc`, {
      headers: handshake.headers,
      maxPayload: maxAnswerBytes,
      // Between servers of one network it costs more time than it saves.
      perMessageDeflate: false,
      handshakeTimeout: 2_000,
    });
    this.#socket = socket;
    const isCurrent = (): boolean => this.#socket === socket;
    const failed = (error: Error): void => {
      if (isCurrent()) this.#fail(error);
    };
    const refused = (error: Error): void => {
      if (isCurrent()) onMet(error.message);
      failed(error);
    };
    let proof = '';
    socket.on('upgrade', ({ headers }) => {
      try {
        proof = handshake.answer(headers);
      } catch (error) {
        refused(error as Error);
      }
    });
    socket.on('open', () => {
      socket.send(proof);
    });
    socket.once('message', (welcome) => {
      if (!isCurrent()) return;
      if (textOf(welcome) !== WELCOME) {
        refused(new Error(refusalIn(textOf(welcome)) ?? 'the peer answered with no welcome'));
        return;
      }
      onMet(undefined);
      socket.on('message', (data) => {
        if (isCurrent()) this.#answer(data);
      });
      socket.send(first);
    });
    socket.on('unexpected-response', (_request, response) => {
      void refusalOf(response).then(refused);
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
    exchange.resolve(textOf(data));
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

function textOf(data: RawData): string {
  return (data as Buffer).toString('utf8');
}

/** What the peer says instead of opening the connection. */
async function refusalOf(response: IncomingMessage): Promise<Error> {
  let text = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk as string;
      if (text.length > REFUSAL_BYTES) break;
    }
  } catch {
    text = '';
  }
  return new Error(`HTTP ${response.statusCode ?? 0}: ${refusalIn(text) ?? 'no WebSocket of this kind'}`);
}

/** The reason in the form of a JSON-RPC error, cut to what a line of the log can bear: its author has proved nothing. */
function refusalIn(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } };
    return typeof error?.message === 'string' ? error.message.slice(0, REASON_CHARACTERS) : undefined;
  } catch {
    return undefined;
  }
}
