import { InvariantViolation } from './invariant';

/**
 * Why an operation did not succeed:
 * - `no-quorum`: too few servers answered, and the command was never sent to an acceptor for a vote;
 * - `outcome-unknown`: the command was sent for a vote and may yet be chosen, or may not;
 * - `overloaded`: too many operations wait on this server already;
 * - `not-ready`: this server has not joined its cluster yet, or is stopping.
 */
export type OperationFailure = 'no-quorum' | 'outcome-unknown' | 'overloaded' | 'not-ready';

/** An operation that did not succeed, and whether it surely had no effect. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
  readonly failure: OperationFailure;
  /** True: the operation surely had no effect and never will. False: it may have one, now or later. */
  readonly definite: boolean;

  constructor(failure: OperationFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
    this.definite = failure !== 'outcome-unknown';
  }
}

/** A remote call without a usable answer. Says nothing about whether the peer acted. */
export class CallError extends Error {
  override readonly name = 'CallError';
}

/** A call that the callee refuses for what it is: unknown method or invalid parameters. It had no effect. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused';
  readonly reason: 'unknown-method' | 'invalid-params';

  constructor(reason: 'unknown-method' | 'invalid-params', message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Thrown by a service whose caller shall get no answer at all, as if the call or its answer had been lost. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
}

/** Storage failed. Nothing can be promised from here on: the server stops. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
}

/** Errors after which a server must not go on. */
export function isFatal(error: unknown): error is Error {
  return error instanceof InvariantViolation || error instanceof StorageError;
}
