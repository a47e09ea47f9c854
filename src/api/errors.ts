/**
 * The errors of the client API: stable codes, and whether the operation surely did not happen.
 * `docs/api.md` holds the same table; a test compares the two.
 */
export interface ApiErrorKind {
  readonly code: number;
  readonly name: string;
  /** True: the operation surely had no effect. False: it may have one, now or later. */
  readonly definite: boolean;
  /** Whether another attempt, perhaps at another server, can succeed. */
  readonly retry: boolean;
  readonly meaning: string;
}

export const API_ERRORS = {
  parseError: {
    code: -32700,
    name: 'parse error',
    definite: true,
    retry: false,
    meaning: 'The body is not JSON.',
  },
  invalidRequest: {
    code: -32600,
    name: 'invalid request',
    definite: true,
    retry: false,
    meaning: 'The body is not a JSON-RPC 2.0 call, or a batch is empty or nested.',
  },
  methodNotFound: {
    code: -32601,
    name: 'method not found',
    definite: true,
    retry: false,
    meaning: 'There is no such method.',
  },
  invalidParams: {
    code: -32602,
    name: 'invalid params',
    definite: true,
    retry: false,
    meaning: 'A parameter is missing, unknown, of the wrong type or out of bounds.',
  },
  internalError: {
    code: -32603,
    name: 'internal error',
    definite: false,
    retry: true,
    meaning: 'The server failed in a way it did not foresee; its log says how.',
  },
  outcomeUnknown: {
    code: -32001,
    name: 'outcome unknown',
    definite: false,
    retry: true,
    meaning:
      'The write was sent for a vote but not seen applied in time: it may take effect or not. Sent again with the same client and sequence, it takes effect once.',
  },
  noQuorum: {
    code: -32002,
    name: 'no quorum',
    definite: true,
    retry: true,
    meaning: 'Too few servers answered in time; the operation was never sent for a vote.',
  },
  overloaded: {
    code: -32003,
    name: 'overloaded',
    definite: true,
    retry: true,
    meaning: 'Too many operations wait on this server already.',
  },
  notReady: {
    code: -32004,
    name: 'not ready',
    definite: true,
    retry: true,
    meaning: 'The server has not joined its cluster yet, or is stopping.',
  },
  unauthorized: {
    code: -32005,
    name: 'unauthorized',
    definite: true,
    retry: false,
    meaning: 'A method of the servers was called by somebody who has not proved to be one.',
  },
  bodyTooLarge: {
    code: -32006,
    name: 'body too large',
    definite: true,
    retry: false,
    meaning: 'The request body is over its limit.',
  },
  batchTooLong: {
    code: -32007,
    name: 'batch too long',
    definite: true,
    retry: false,
    meaning: 'The batch holds more calls than the limit.',
  },
  staleSequence: {
    code: -32008,
    name: 'stale sequence',
    definite: false,
    retry: false,
    meaning:
      'The result of this write is not kept, or no longer: it may have taken effect long ago. Nothing was changed now.',
  },
  staleEpoch: {
    code: -32012,
    name: 'stale epoch',
    definite: true,
    retry: false,
    meaning:
      'Too many clients have written since the session epoch that the write names: its client is forgotten. Nothing was changed. Send it anew with the `epoch` that comes with this error, unless an earlier attempt was left without an answer: its outcome stays unknown.',
  },
  answerTooLarge: {
    code: -32011,
    name: 'answer too large',
    definite: false,
    retry: true,
    meaning:
      'The calls before it filled the answer of the batch. The call was carried out; ask again on its own.',
  },
  forbiddenHost: {
    code: -32009,
    name: 'forbidden host',
    definite: true,
    retry: false,
    meaning: 'The Host or Origin header names no address that the server knows itself by (HTTP 403).',
  },
  unsupportedMediaType: {
    code: -32010,
    name: 'unsupported media type',
    definite: true,
    retry: false,
    meaning: 'Only application/json in UTF-8 is read (HTTP 415).',
  },
} as const satisfies Record<string, ApiErrorKind>;

export type ApiErrorName = keyof typeof API_ERRORS;

/** The kind behind a code, or undefined for a code that this API does not use. */
export function apiErrorOf(code: number): ApiErrorKind | undefined {
  return Object.values(API_ERRORS).find((kind) => kind.code === code);
}
