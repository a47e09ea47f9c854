import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { API_ERRORS } from '../api/errors';
import type { ServerId } from '../core/ballot';
import {
  CalleeHandshake,
  HandshakeError,
  MAX_FIRST_MESSAGE_BYTES,
  WELCOME,
  type Credentials,
} from '../network/handshake';
import { whyNoAgreement } from './agreement';
import { ApiError } from './api-error';
import { Refusal, type Callers } from './callers';
import type { RpcCalls } from './rpc-calls';

export interface RpcSocketsOptions {
  readonly calls: RpcCalls;
  readonly callers: Callers;
  readonly credentials: Credentials;
  /** A server, or whoever takes its name, was let in; or was not, for this reason. */
  readonly onMet: (caller: ServerId, refusal: string | undefined) => void;
  /** An error that no caller is to blame for. */
  readonly onUnexpected: (error: unknown) => void;
}

/** Peers batch whole values of many slots. */
const MESSAGE_BYTES = 64 * 1024 * 1024;
/** A refused caller may take so long to read why. */
const REFUSED_MS = 5_000;
/** A caller may take so long to prove itself. */
const PROVE_WITHIN_MS = 2_000;
/** Codes of the closing handshake: the server goes away, the caller may not come [RFC 6455, 7.4.1]. */
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;

/**
 * The peers' connections: a WebSocket [RFC 6455] at /rpc, on which each message is a batch of JSON-RPC calls and is
 * answered by one message, in the order of completion. Before that caller and server prove themselves to each other (see
 * handshake.ts). Requests over HTTP take more processor time (docs/performance.md).
 */
export class RpcSockets {
  readonly #options: RpcSocketsOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  readonly #handshakes = new WeakMap<IncomingMessage, CalleeHandshake>();
  /** Messages not answered yet. */
  readonly #pending = new Map<WebSocket, number>();
  #isClosing = false;

  constructor(options: RpcSocketsOptions) {
    this.#options = options;
    this.#server.on('headers', (headers, request) => {
      headers.push(...(this.#handshakes.get(request)?.headers ?? []));
    });
  }

  /** Takes over a connection whose request asks for a WebSocket. Never throws. */
  upgrade(request: IncomingMessage, connection: Duplex, head: Buffer): void {
    const { callers, credentials } = this.#options;
    let handshake: CalleeHandshake;
    try {
      callers.identify(request);
      handshake = new CalleeHandshake(credentials, request.headers);
    } catch (error) {
      refuse(connection, toRefusal(error as Error));
      return;
    }
    this.#handshakes.set(request, handshake);
    this.#server.handleUpgrade(request, connection, head, (socket) => {
      this.#meet(socket, connection, handshake);
    });
  }

  /** Ends idle connections at once, busy ones after their answer, and the rest after `graceMs`. */
  close(graceMs: number): void {
    this.#isClosing = true;
    for (const [socket, pending] of this.#pending) if (pending === 0) socket.close(GOING_AWAY);
    const timer = setTimeout(() => {
      for (const socket of this.#pending.keys()) socket.terminate();
    }, graceMs);
    timer.unref();
  }

  /** Nothing is served, and little is read, before the caller has proved itself. */
  #meet(socket: WebSocket, connection: Duplex, handshake: CalleeHandshake): void {
    let bytes = 0;
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > MAX_FIRST_MESSAGE_BYTES) socket.terminate();
    };
    const timer = setTimeout(() => {
      socket.terminate();
    }, PROVE_WITHIN_MS);
    connection.on('data', count);
    this.#pending.set(socket, 0);
    // The caller broke off, or the protocol: the connection is closed, and the caller asks again.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      this.#pending.delete(socket);
    });
    socket.once('message', (first) => {
      clearTimeout(timer);
      connection.off('data', count);
      this.#admit(socket, handshake, (first as Buffer).toString('utf8'));
    });
    if (this.#isClosing) socket.close(GOING_AWAY);
  }

  #admit(socket: WebSocket, handshake: CalleeHandshake, first: string): void {
    const { credentials, onMet } = this.#options;
    const { caller } = handshake;
    try {
      const difference = whyNoAgreement(credentials, caller, handshake.check(first));
      if (difference !== undefined) throw new HandshakeError(difference);
    } catch (error) {
      const refusal = toRefusal(error as Error);
      onMet(caller, refusal.message);
      socket.send(JSON.stringify(refusal.toResponse(null)));
      socket.close(POLICY_VIOLATION);
      return;
    }
    onMet(caller, undefined);
    socket.on('message', (data) => void this.#answer(socket, data));
    socket.send(WELCOME);
  }

  async #answer(socket: WebSocket, data: RawData): Promise<void> {
    this.#count(socket, 1);
    try {
      const answer = await this.#options.calls.answer((data as Buffer).toString('utf8'), { isPeer: true });
      // Something always comes back: the caller counts messages, not calls.
      if (socket.readyState === socket.OPEN) socket.send(answer ?? '[]');
    } catch (error) {
      if (error instanceof ApiError) socket.send(JSON.stringify(error.toResponse(null)));
      else {
        this.#options.onUnexpected(error);
        socket.terminate();
      }
    }
    if (this.#count(socket, -1) === 0 && this.#isClosing) socket.close(GOING_AWAY);
  }

  #count(socket: WebSocket, change: 1 | -1): number {
    const pending = (this.#pending.get(socket) ?? 0) + change;
    if (this.#pending.has(socket)) this.#pending.set(socket, pending);
    return pending;
  }
}

function toRefusal(error: Error): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof HandshakeError) return new Refusal(403, API_ERRORS.unauthorized, error.message);
  throw error;
}

function refuse(connection: Duplex, refusal: Refusal): void {
  const body = JSON.stringify(refusal.toResponse(null));
  connection.on('error', () => undefined);
  // Nobody else looks after it any more: without this a caller that keeps its half open keeps the server from closing.
  const timer = setTimeout(() => connection.destroy(), REFUSED_MS);
  connection.once('close', () => {
    clearTimeout(timer);
  });
  connection.once('finish', () => connection.destroy()).resume();
  connection.end(
    [
      `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}`,
      'connection: close',
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}
