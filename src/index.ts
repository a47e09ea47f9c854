export { connect } from './client/connect';
export type { ConnectOptions } from './client/connect';
export type {
  CallOptions,
  CompareAndSetResult,
  DeleteResult,
  Faults,
  GetResult,
  ListOptions,
  ListResult,
  LogLevel,
  PutResult,
  ReadLevel,
  ReadOptions,
  Status,
  SynodClient,
} from './client/client';
export {
  CLIENT_ERRORS,
  ClientError,
  InvalidArgument,
  NoServer,
  OperationFailed,
  OutcomeUnknown,
} from './client/errors';
export { API_ERRORS } from './api/errors';
export type { ApiErrorKind, ApiErrorName } from './api/errors';
