import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import jayson, { type JSONRPCCallbackTypePlain, type MethodHandler } from 'jayson';
import { API_ERRORS } from '../api/errors';
import { LIMITS } from '../api/methods';
import type { Dispatch } from '../core/environment';
import { CallRefused, Unanswered } from '../core/errors';
import { ApiError } from './api-error';

/** A method of the client API: checks its parameters itself. Rejects with ApiError. */
export type ApiHandler = (params: unknown) => Promise<unknown>;

export interface RpcEndpointOptions {
  /** What clients may call. */
  readonly api: ReadonlyMap<string, ApiHandler>;
  /** What peers may call besides. */
  readonly peers: Dispatch;
  readonly token: string;
  readonly configurationId: string;
  /** Values of the Host header that name this server, in lower case. */
  readonly hosts: ReadonlySet<string>;
  /** An error that no caller is to blame for. */
  readonly onUnexpected: (error: unknown) => void;
  readonly onMessage: (direction: 'sent' | 'received', method: string, kind: 'request' | 'answer') => void;
}

interface Context {
  readonly isPeer: boolean;
}

/** Peers batch whole values of many slots. */
const PEER_BODY_BYTES = 64 * 1024 * 1024;
const UNANSWERED = Object.freeze({});
const JSON_TYPE = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i;

interface Response {
  readonly result?: unknown;
}

/**
 * `POST /rpc`, straight on node:http: JSON-RPC 2.0 for clients and peers. jayson dispatches; what it leaves open
 * (limits, media type, Host, nested batches, errors that are thrown) is closed here, before it.
 */
export class RpcEndpoint {
  readonly #options: RpcEndpointOptions;
  readonly #server: jayson.Server;
  readonly #token: Buffer;

  constructor(options: RpcEndpointOptions) {
    this.#options = options;
    this.#token = digest(`Bearer ${options.token}`);
    const methods = new Map<string, jayson.Method>();
    this.#server = new jayson.Server(
      {},
      {
        router: (name: string) => {
          let method = methods.get(name);
          if (method === undefined) {
            method = this.#method(name);
            // Names come from outside: only those that exist are kept.
            if (options.api.has(name)) methods.set(name, method);
          }
          return method;
        },
      },
    );
  }

  /** Answers one HTTP request, whatever it is. Never throws. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const context = { isPeer: this.#isPeer(request) };
      const refusal = this.#refusal(request, context);
      if (refusal !== undefined) {
        reply(response, refusal.status, refusal.error.toResponse());
        return;
      }
      const body = await readBody(request, context.isPeer ? PEER_BODY_BYTES : LIMITS.bodyBytes);
      const answer = await this.#answer(body, context);
      if (answer === undefined) response.writeHead(204).end();
      else reply(response, 200, answer);
    } catch (error) {
      if (error instanceof ApiError) {
        reply(response, error.kind === API_ERRORS.bodyTooLarge ? 413 : 400, error.toResponse());
        return;
      }
      if (!request.destroyed || request.complete) this.#options.onUnexpected(error);
      response.destroy();
    }
  }

  #isPeer(request: IncomingMessage): boolean {
    const { authorization } = request.headers;
    return authorization !== undefined && timingSafeEqual(digest(authorization), this.#token);
  }

  #refusal(request: IncomingMessage, { isPeer }: Context): { status: number; error: ApiError } | undefined {
    const { headers } = request;
    if (!this.#options.hosts.has((headers.host ?? '').toLowerCase()))
      return {
        status: 403,
        error: new ApiError(API_ERRORS.forbiddenHost, `this server is not ${headers.host ?? 'nameless'}`),
      };
    if (
      headers.origin !== undefined &&
      !this.#options.hosts.has(headers.origin.toLowerCase().replace(/^https?:\/\//, ''))
    )
      return {
        status: 403,
        error: new ApiError(API_ERRORS.forbiddenHost, `pages of ${headers.origin} may not call this server`),
      };
    if (request.method !== 'POST')
      return { status: 405, error: new ApiError(API_ERRORS.invalidRequest, 'use POST') };
    if (!JSON_TYPE.test(headers['content-type'] ?? ''))
      return {
        status: 415,
        error: new ApiError(API_ERRORS.unsupportedMediaType, 'the content type must be application/json'),
      };
    if (isPeer && headers['x-synod-configuration'] !== this.#options.configurationId)
      return {
        status: 403,
        error: new ApiError(
          API_ERRORS.unauthorized,
          'the caller belongs to a cluster of other members or protocol',
        ),
      };
    return undefined;
  }

  async #answer(body: string, context: Context): Promise<unknown> {
    let call: unknown;
    try {
      call = JSON.parse(body);
    } catch (error) {
      throw new ApiError(API_ERRORS.parseError, (error as Error).message);
    }
    // jayson would take a text for another body and parse it, past all that is checked here.
    if (typeof call !== 'object' || call === null)
      return new ApiError(API_ERRORS.invalidRequest, 'a call is an object').toResponse();
    if (Array.isArray(call)) {
      if (call.length > LIMITS.batchCalls)
        return new ApiError(
          API_ERRORS.batchTooLong,
          `a batch holds ${LIMITS.batchCalls} calls at most`,
        ).toResponse();
      if (call.length === 0 || call.some(Array.isArray))
        return new ApiError(
          API_ERRORS.invalidRequest,
          'a batch holds calls: it is neither empty nor nested',
        ).toResponse();
    }
    const answer = await new Promise<unknown>((resolve) => {
      this.#server.call(call as jayson.JSONRPCRequest, context, (error: unknown, result: unknown) => {
        resolve(error ?? result);
      });
    });
    if (!Array.isArray(answer)) return isUnanswered(answer) ? undefined : answer;
    const answered = answer.filter((one) => !isUnanswered(one));
    return answered.length === 0 ? undefined : answered;
  }

  #method(name: string): jayson.Method {
    const handler = this.#options.api.get(name);
    const run = (params: unknown, context: Context): Promise<unknown> =>
      handler === undefined ? this.#callPeerMethod(name, params, context) : handler(params ?? {});
    const execute = (params: unknown, context: Context, callback: JSONRPCCallbackTypePlain): void => {
      run(params, context).then(
        (result) => {
          callback(null, result);
        },
        (error: unknown) => {
          if (error instanceof Unanswered) callback(null, UNANSWERED);
          else callback(this.#toApiError(error).toJSON());
        },
      );
    };
    return new jayson.Method(execute as unknown as MethodHandler, { useContext: true });
  }

  async #callPeerMethod(name: string, params: unknown, { isPeer }: Context): Promise<unknown> {
    if (!isPeer && /^(acceptor|learner|cluster)\./.test(name))
      throw new ApiError(API_ERRORS.unauthorized, `${name} is for the servers of this cluster`);
    if (!isPeer)
      throw new ApiError(
        API_ERRORS.methodNotFound,
        `there is no method ${JSON.stringify(name).slice(0, 100)}`,
      );
    this.#options.onMessage('received', name, 'request');
    const result = await this.#options.peers(name, params);
    this.#options.onMessage('sent', name, 'answer');
    return result;
  }

  #toApiError(error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    if (error instanceof CallRefused)
      return new ApiError(
        error.reason === 'unknown-method' ? API_ERRORS.methodNotFound : API_ERRORS.invalidParams,
        error.message,
      );
    this.#options.onUnexpected(error);
    return new ApiError(
      API_ERRORS.internalError,
      'the server failed in a way it did not foresee; see its log',
    );
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isUnanswered(response: unknown): boolean {
  return (response as Response | undefined)?.result === UNANSWERED;
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** The body as text. Rejects with ApiError when it is too large or not UTF-8; the rest of it is not read. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const tooLarge = (): ApiError =>
    new ApiError(API_ERRORS.bodyTooLarge, `a request has ${maxBytes} bytes at most`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(
      chunks.length === 1 ? chunks[0] : Buffer.concat(chunks),
    );
  } catch {
    throw new ApiError(API_ERRORS.parseError, 'the body is not UTF-8');
  }
}
