import type { z } from 'zod';
import { API_ERRORS, type ApiErrorKind } from '../api/errors';
import type { OperationError, OperationFailure } from '../core/errors';

const OF_OPERATION: Readonly<Record<OperationFailure, ApiErrorKind>> = {
  'no-quorum': API_ERRORS.noQuorum,
  'outcome-unknown': API_ERRORS.outcomeUnknown,
  overloaded: API_ERRORS.overloaded,
  'not-ready': API_ERRORS.notReady,
};

/** An error as a caller of the API gets it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly kind: ApiErrorKind;
  /** The current session epoch, where the write named another one. */
  readonly epoch: number | undefined;

  constructor(kind: ApiErrorKind, detail: string, epoch?: number) {
    super(`${kind.name}: ${detail}`);
    this.kind = kind;
    this.epoch = epoch;
  }

  static ofOperation(error: OperationError): ApiError {
    return new ApiError(OF_OPERATION[error.failure], error.message);
  }

  /** The first thing wrong with the parameters, as a sentence. */
  static ofParams({ issues: [issue] }: z.ZodError): ApiError {
    const what = issue?.message ?? 'they do not fit';
    const where = issue?.path.join('.') ?? '';
    return new ApiError(
      API_ERRORS.invalidParams,
      where === '' || what.startsWith(where) ? what : `${where}: ${what}`,
    );
  }

  toJSON(): {
    code: number;
    message: string;
    data: { name: string; definite: boolean; retry: boolean; epoch?: number };
  } {
    const { code, name, definite, retry } = this.kind;
    const epoch = this.epoch === undefined ? {} : { epoch: this.epoch };
    return { code, message: this.message, data: { name, definite, retry, ...epoch } };
  }

  /** As a whole JSON-RPC response; the id is null where the call's cannot be told. */
  toResponse(id: unknown): { jsonrpc: '2.0'; id: unknown; error: ReturnType<ApiError['toJSON']> } {
    return { jsonrpc: '2.0', id, error: this.toJSON() };
  }
}
