import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { API_ERRORS } from '../api/errors';
import { LIMITS } from '../api/methods';
import { ApiError } from './api-error';
import { Refusal, type Callers } from './callers';
import type { RpcCalls } from './rpc-calls';

export interface RpcEndpointOptions {
  readonly calls: RpcCalls;
  readonly callers: Callers;
  /** An error that no caller is to blame for. */
  readonly onUnexpected: (error: unknown) => void;
}

const JSON_TYPE = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i;

/** `POST /rpc`, straight on node:http. */
export class RpcEndpoint {
  readonly #options: RpcEndpointOptions;

  constructor(options: RpcEndpointOptions) {
    this.#options = options;
  }

  /** Answers one HTTP request, whatever it is. Never throws. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { calls, callers } = this.#options;
      const caller = callers.identify(request);
      checkForm(request);
      const answer = await calls.answer(await readBody(request, LIMITS.bodyBytes), caller);
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
}

/** Throws a Refusal. A web page cannot choose the media type either. */
function checkForm({ method, headers }: IncomingMessage): void {
  if (method !== 'POST') throw new Refusal(405, API_ERRORS.invalidRequest, 'use POST');
  if (!JSON_TYPE.test(headers['content-type'] ?? ''))
    throw new Refusal(415, API_ERRORS.unsupportedMediaType, 'the content type must be application/json');
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
