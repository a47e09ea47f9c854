import { API_ERRORS, apiErrorOf } from '../api/errors';

/** Failures that the client finds by itself; their codes are outside of what servers send. */
export const CLIENT_ERRORS = {
  noServer: { code: -32050, name: 'no server reachable' },
  cancelled: { code: -32051, name: 'cancelled' },
  closed: { code: -32052, name: 'client closed' },
  busy: { code: -32053, name: 'too many writes' },
} as const;

function nameOf(code: number): string {
  return (
    apiErrorOf(code)?.name ??
    Object.values(CLIENT_ERRORS).find((kind) => kind.code === code)?.name ??
    'unknown error'
  );
}

/** An operation of the client that did not succeed. */
export class ClientError extends Error {
  override readonly name: string = 'ClientError';
  /** A code of the client API (docs/api.md) or of CLIENT_ERRORS. */
  readonly code: number;
  /** The code in words, such as `no quorum`. */
  readonly kind: string;
  /** True: the operation surely had no effect and never will. False: it may have one, now or later. */
  readonly definite: boolean;

  constructor(code: number, definite: boolean, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.kind = nameOf(code);
    this.definite = definite;
  }
}

/** The operation surely had no effect. */
export class OperationFailed extends ClientError {
  override readonly name: string = 'OperationFailed';

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(code, true, message, options);
  }
}

/** No server answered at all, and none can have acted. */
export class NoServer extends OperationFailed {
  override readonly name = 'NoServer';

  constructor(message: string, options?: ErrorOptions) {
    super(CLIENT_ERRORS.noServer.code, message, options);
  }
}

/** An argument that no server would accept. Nothing was sent. */
export class InvalidArgument extends OperationFailed {
  override readonly name = 'InvalidArgument';

  constructor(message: string, options?: ErrorOptions) {
    super(API_ERRORS.invalidParams.code, message, options);
  }
}

/** A write was sent and no answer tells what became of it: it may take effect, now or later, or not. */
export class OutcomeUnknown extends ClientError {
  override readonly name = 'OutcomeUnknown';

  constructor(message: string, options?: ErrorOptions & { code?: number }) {
    super(options?.code ?? API_ERRORS.outcomeUnknown.code, false, message, options);
  }
}

/** One request to one server that brought no result. */
export class AttemptFailed extends Error {
  override readonly name = 'AttemptFailed';
  /** True: this request surely has no effect. */
  readonly definite: boolean;
  /** Whether another attempt, perhaps at another server, can succeed. */
  readonly retry: boolean;
  /** The code that the server answered with; undefined when it did not answer. */
  readonly code: number | undefined;
  /** The session epoch that the server told. */
  readonly epoch: number | undefined;

  constructor(
    message: string,
    facts: { definite: boolean; retry: boolean; code?: number; epoch?: number | undefined },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.definite = facts.definite;
    this.retry = facts.retry;
    this.code = facts.code;
    this.epoch = facts.epoch;
  }
}

/** A JSON-RPC error as a server answers it. */
export interface ApiFailure {
  readonly code: number;
  readonly message: string;
  readonly data?: { readonly epoch?: number | undefined } | undefined;
}

/** The failure behind a JSON-RPC error that a server answered with. A code this API does not use says nothing for sure. */
export function answeredError({ code, message, data }: ApiFailure): AttemptFailed {
  const { definite = false, retry = false } = apiErrorOf(code) ?? {};
  return new AttemptFailed(message, { definite, retry, code, epoch: data?.epoch });
}
