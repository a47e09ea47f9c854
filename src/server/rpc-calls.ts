import jayson, { type JSONRPCCallbackTypePlain, type MethodHandler } from 'jayson';
import { API_ERRORS } from '../api/errors';
import { LIMITS } from '../api/methods';
import type { Dispatch } from '../core/environment';
import { CallRefused, Unanswered } from '../core/errors';
import { ApiError } from './api-error';

/** A method of the client API: checks its parameters itself. Rejects with ApiError. */
export type ApiHandler = (params: unknown) => Promise<unknown>;

export interface RpcCallsOptions {
  /** What clients may call. */
  readonly api: ReadonlyMap<string, ApiHandler>;
  /** What peers may call besides. */
  readonly peers: Dispatch;
  /** An error that no caller is to blame for. */
  readonly onUnexpected: (error: unknown) => void;
  readonly onMessage: (direction: 'sent' | 'received', method: string, kind: 'request' | 'answer') => void;
}

export interface Caller {
  readonly isPeer: boolean;
}

interface Response {
  readonly id: unknown;
  readonly result?: unknown;
}

const UNANSWERED = Object.freeze({});
const ID_CHARACTERS = 1024;
/** A batch that takes longer to begin lets others in between. */
const UNINTERRUPTED_MS = 20;
/** Texts up to this long are given even in a full answer. */
const SMALL_CHARACTERS = 1024;

/**
 * JSON-RPC 2.0 calls, single or in a batch, for clients and peers. jayson dispatches; what it leaves open (the form of
 * calls, nested and long batches, the size of answers, errors that are thrown) is closed here.
 */
export class RpcCalls {
  readonly #options: RpcCallsOptions;
  readonly #server: jayson.Server;

  constructor(options: RpcCallsOptions) {
    this.#options = options;
    const known = new Map([...options.api].map(([name, handler]) => [name, this.#method(() => handler)]));
    this.#server = new jayson.Server(
      {},
      {
        router: (name: string) =>
          known.get(name) ?? this.#method((caller) => (params) => this.#callPeerMethod(name, params, caller)),
      },
    );
  }

  /** The answer to a request's body; undefined when there is nothing to say. Rejects with ApiError if it is not JSON. */
  async answer(body: string, caller: Caller): Promise<string | undefined> {
    let call: unknown;
    try {
      call = JSON.parse(body);
    } catch (error) {
      throw new ApiError(API_ERRORS.parseError, (error as Error).message);
    }
    if (!Array.isArray(call)) {
      const response = await this.#answerOne(call, caller);
      return response === undefined ? undefined : JSON.stringify(response);
    }
    if (call.length > LIMITS.batchCalls)
      return refusal(API_ERRORS.batchTooLong, `a batch holds ${LIMITS.batchCalls} calls at most`);
    if (call.length === 0 || call.some(Array.isArray))
      return refusal(API_ERRORS.invalidRequest, 'a batch holds calls: it is neither empty nor nested');
    return this.#answerBatch(call, caller);
  }

  /**
   * Each response becomes text as soon as it is there, up to a limit: an answer that grew without one could fill the
   * memory, or exceed what a text can hold and so be lost as a whole, again and again. A peer asks again for what is left
   * out, a client is told.
   */
  async #answerBatch(batch: readonly unknown[], caller: Caller): Promise<string | undefined> {
    let characters = 0;
    const compose = (response: Response | undefined): string | undefined => {
      if (response === undefined) return undefined;
      if (characters > LIMITS.answerCharacters && isLarge(response.result))
        return caller.isPeer
          ? undefined
          : refusal(API_ERRORS.answerTooLarge, 'ask again on its own', response.id);
      const text = JSON.stringify(response);
      characters += text.length;
      return text;
    };
    const texts: Promise<string | undefined>[] = [];
    let since = performance.now();
    for (const call of batch) {
      if (performance.now() - since > UNINTERRUPTED_MS) {
        await new Promise(setImmediate);
        since = performance.now();
      }
      texts.push(this.#answerOne(call, caller).then(compose));
    }
    const said = (await Promise.all(texts)).filter((text) => text !== undefined);
    return said.length === 0 ? undefined : `[${said.join(',')}]`;
  }

  async #answerOne(call: unknown, caller: Caller): Promise<Response | undefined> {
    const { id } = (typeof call === 'object' && call !== null ? call : {}) as { id?: unknown };
    const fault = faultOf(call);
    if (fault !== undefined)
      return new ApiError(API_ERRORS.invalidRequest, fault).toResponse(isId(id) ? id : null);
    // jayson takes a call with the id null for a notification, which only one without an id is.
    const request = (id === null ? { ...(call as object), id: 0 } : call) as jayson.JSONRPCRequest;
    const response = await new Promise<Response | undefined>((resolve) => {
      this.#server.call(request, caller, (error: unknown, result: unknown) => {
        resolve((error ?? result) as Response | undefined);
      });
    });
    if (response === undefined || response.result === UNANSWERED) return undefined;
    return id === null ? { ...response, id } : response;
  }

  #method(handlerFor: (caller: Caller) => ApiHandler): jayson.Method {
    const execute = (params: unknown, caller: Caller, callback: JSONRPCCallbackTypePlain): void => {
      handlerFor(caller)(params ?? {}).then(
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

  async #callPeerMethod(name: string, params: unknown, { isPeer }: Caller): Promise<unknown> {
    if (!isPeer && /^(acceptor|learner|leader|cluster)\./.test(name))
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

function refusal(kind: ApiError['kind'], detail: string, id: unknown = null): string {
  return JSON.stringify(new ApiError(kind, detail).toResponse(id));
}

/** Only what comes back as it was sent: a number beyond these is read as another one, or as none. */
function isId(id: unknown): boolean {
  if (typeof id === 'string') return id.length <= ID_CHARACTERS;
  return id === null || (typeof id === 'number' && Math.abs(id) <= Number.MAX_SAFE_INTEGER);
}

/** What keeps this from being a JSON-RPC 2.0 call, as a sentence. */
function faultOf(call: unknown): string | undefined {
  if (typeof call !== 'object' || call === null) return 'a call is an object';
  const { jsonrpc, method, params, id } = call as Readonly<Record<string, unknown>>;
  if (jsonrpc !== '2.0') return 'jsonrpc must be "2.0"';
  if (typeof method !== 'string') return 'method must be the name of a method';
  if (params !== undefined && (typeof params !== 'object' || params === null))
    return 'params must be an object';
  if (id !== undefined && !isId(id)) return 'id must be a string, a number or null';
  return undefined;
}

/** Looks at the first level only: what has a second one counts as large. */
function isLarge(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return false;
  return Object.values(result).some(
    (field) =>
      (typeof field === 'object' && field !== null) ||
      (typeof field === 'string' && field.length > SMALL_CHARACTERS),
  );
}
