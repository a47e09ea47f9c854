import { isUtf8 } from 'node:buffer';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { API_ERRORS } from '../api/errors';
import { LIMITS } from '../api/methods';
import { ApiError } from './api-error';
import { hostOf, originOf } from './hosts';
import type { RpcCalls } from './rpc-calls';

export interface RpcEndpointOptions {
  readonly calls: RpcCalls;
  readonly token: string;
  readonly configurationId: string;
  /** `host:port` values that name this server, in lower case. */
  readonly hosts: ReadonlySet<string>;
  /** An error that no caller is to blame for. */
  readonly onUnexpected: (error: unknown) => void;
}

/** Peers batch whole values of many slots. */
const PEER_BODY_BYTES = 64 * 1024 * 1024;
const JSON_TYPE = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i;

/** Refused for its headers, before the body is read. */
class Refusal extends ApiError {
  readonly status: number;

  constructor(status: number, ...details: ConstructorParameters<typeof ApiError>) {
    super(...details);
    this.status = status;
  }
}

/** `POST /rpc`, straight on node:http: who may call, and how much. */
export class RpcEndpoint {
  readonly #options: RpcEndpointOptions;
  readonly #token: Buffer;
  /** By connection: the header that named the token. Hashing it for every message takes a while. */
  readonly #proven = new WeakMap<Socket, string>();

  constructor(options: RpcEndpointOptions) {
    this.#options = options;
    this.#token = digest(`Bearer ${options.token}`);
  }

  /** Answers one HTTP request, whatever it is. Never throws. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const isPeer = this.#isPeer(request);
      this.#checkHeaders(request, isPeer);
      const body = await readBody(request, isPeer ? PEER_BODY_BYTES : LIMITS.bodyBytes);
      const answer = await this.#options.calls.answer(body, { isPeer });
      if (answer === undefined) response.writeHead(204).end();
      else reply(response, 200, answer);
    } catch (error) {
      if (error instanceof ApiError) {
        reply(response, statusOf(error), JSON.stringify(error.toResponse(null)));
        return;
      }
      if (!request.destroyed || request.complete) this.#options.onUnexpected(error);
      response.destroy();
    }
  }

  #isPeer({ headers, socket }: IncomingMessage): boolean {
    const { authorization } = headers;
    if (authorization === undefined) return false;
    // Whoever sends it has proved it already, so the time of this comparison tells nothing new.
    if (this.#proven.get(socket) === authorization) return true;
    if (!timingSafeEqual(digest(authorization), this.#token)) return false;
    this.#proven.set(socket, authorization);
    return true;
  }

  /** Throws a Refusal. A web page can reach a server on loopback, but it cannot choose Host, Origin and media type. */
  #checkHeaders({ headers, method }: IncomingMessage, isPeer: boolean): void {
    const { hosts, configurationId } = this.#options;
    const { host = 'nameless', origin } = headers;
    if (!hosts.has(hostOf(host)))
      throw new Refusal(403, API_ERRORS.forbiddenHost, `this server is not ${host}`);
    if (origin !== undefined && !hosts.has(originOf(origin)))
      throw new Refusal(403, API_ERRORS.forbiddenHost, `pages of ${origin} may not call this server`);
    if (method !== 'POST') throw new Refusal(405, API_ERRORS.invalidRequest, 'use POST');
    if (!JSON_TYPE.test(headers['content-type'] ?? ''))
      throw new Refusal(415, API_ERRORS.unsupportedMediaType, 'the content type must be application/json');
    if (isPeer && headers['x-synod-configuration'] !== configurationId)
      throw new Refusal(
        403,
        API_ERRORS.unauthorized,
        'the caller belongs to a cluster of other members or protocol',
      );
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function statusOf(error: ApiError): number {
  if (error instanceof Refusal) return error.status;
  return error.kind === API_ERRORS.bodyTooLarge ? 413 : 400;
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** The body as text. Rejects with ApiError when it is too large or not UTF-8; the rest of it is then thrown away. */
function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const refuse = (): void => {
      chunks.length = 0;
      request.removeAllListeners('data').resume();
      reject(new ApiError(API_ERRORS.bodyTooLarge, `a request has ${maxBytes} bytes at most`));
    };
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
      refuse();
      return;
    }
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) refuse();
      else chunks.push(chunk);
    });
    const goneAway = (): void => {
      reject(new Error('the caller went away'));
    };
    request.once('error', reject);
    request.once('close', goneAway);
    request.once('end', () => {
      // Every request is closed in the end, and an error with its stack takes longer than reading most bodies.
      request.off('close', goneAway);
      const [first] = chunks;
      const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
      // A strict TextDecoder does both, in several times the time.
      if (isUtf8(body)) resolve(body.toString('utf8'));
      else reject(new ApiError(API_ERRORS.parseError, 'the body is not UTF-8'));
    });
  });
}
