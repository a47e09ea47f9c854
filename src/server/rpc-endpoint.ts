import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { API_ERRORS } from '../api/errors';
import { Admission } from '../core/admission';
import { OperationError } from '../core/errors';
import { realClock } from '../real-clock';
import { ApiError } from './api-error';
import { LIMITS } from '../api/methods';
import { ByteBudget } from './byte-budget';
import { Refusal, type Callers } from './callers';
import { readBody } from './request-body';
import { hasPartsUpTo } from './request-parts';
import type { Caller, RpcCalls } from './rpc-calls';

export interface RpcEndpointOptions {
  readonly calls: RpcCalls;
  readonly callers: Callers;
  /** An error that no caller is to blame for. */
  readonly onUnexpected: (error: unknown) => void;
}

const MIB = 1024 * 1024;
/** Bodies that arrive or are at work, and answers that nobody has taken yet. */
const MAX_BYTES = 64 * MIB;
/** The longest answer has about 28 MiB: 4 Mi characters, and one more list of 4 MiB with each character escaped. */
const MAX_BYTES_OF_CONNECTION = 32 * MIB;
/** What is longer takes its turn; what is shorter is answered at once. */
const LARGE_BYTES = 64 * 1024;
const LARGE_AT_WORK_BYTES = 12 * MIB;
const LARGE_WAITING_BYTES = 32 * MIB;
/** What has not had its turn by then is refused: its caller waits as long again for what it asks. */
const TURN_MS = 2000;

const JSON_TYPE = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i;

/** `POST /rpc`, straight on node:http. */
export class RpcEndpoint {
  readonly #options: RpcEndpointOptions;
  readonly #budget = new ByteBudget(MAX_BYTES, MAX_BYTES_OF_CONNECTION);
  readonly #turns = new Admission(realClock, {
    maxRunning: Infinity,
    maxRunningWeight: LARGE_AT_WORK_BYTES,
    maxWaiting: Infinity,
    maxWaitingWeight: LARGE_WAITING_BYTES,
  });

  constructor(options: RpcEndpointOptions) {
    this.#options = options;
  }

  /** Answers one HTTP request, whatever it is. Never throws. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const caller = this.#options.callers.identify(request);
      checkForm(request);
      const answer = await this.#answer(request, caller);
      if (answer === undefined) response.writeHead(204).end();
      else this.#reply(response, 200, answer);
    } catch (error) {
      const apiError = error instanceof OperationError ? ApiError.ofOperation(error) : error;
      if (apiError instanceof ApiError) {
        this.#reply(response, statusOf(apiError), JSON.stringify(apiError.toResponse(null)));
        return;
      }
      if (!request.destroyed || request.complete) this.#options.onUnexpected(error);
      response.destroy();
    }
  }

  async #answer(request: IncomingMessage, caller: Caller): Promise<string | undefined> {
    const { bytes, holder } = await readBody(request, this.#budget);
    const weight = bytes.length > LARGE_BYTES ? bytes.length : 0;
    try {
      if (weight === 0) return await this.#options.calls.answer(textOf(bytes), caller);
      await this.#turns.enter(realClock.now() + TURN_MS, weight);
      try {
        if (!caller.isPeer && !hasPartsUpTo(LIMITS.bodyParts, bytes))
          throw new ApiError(API_ERRORS.invalidRequest, `a request has ${LIMITS.bodyParts} values at most`);
        return await this.#options.calls.answer(textOf(bytes), caller);
      } finally {
        this.#turns.leave(weight);
      }
    } finally {
      holder.release();
    }
  }

  #reply(response: ServerResponse, status: number, text: string): void {
    const bytes = Buffer.byteLength(text);
    if (bytes > LARGE_BYTES && response.socket !== null) {
      const holder = this.#budget.open(response.socket, () => response.destroy());
      response.once('close', () => {
        holder.release();
      });
      holder.take(bytes);
    }
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes });
    response.end(text);
  }
}

/** Throws ApiError when it is not UTF-8. */
function textOf(body: Buffer): string {
  // A strict TextDecoder does both, in several times the time.
  if (isUtf8(body)) return body.toString('utf8');
  throw new ApiError(API_ERRORS.parseError, 'the body is not UTF-8');
}

/** Throws a Refusal. A web page cannot choose the media type either. */
function checkForm({ method, headers }: IncomingMessage): void {
  if (method !== 'POST') throw new Refusal(405, API_ERRORS.invalidRequest, 'use POST');
  if (!JSON_TYPE.test(headers['content-type'] ?? ''))
    throw new Refusal(415, API_ERRORS.unsupportedMediaType, 'the content type must be application/json');
}

function statusOf(error: ApiError): number {
  if (error instanceof Refusal) return error.status;
  if (error.kind === API_ERRORS.overloaded) return 503;
  return error.kind === API_ERRORS.bodyTooLarge ? 413 : 400;
}
