import type { IncomingMessage } from 'node:http';
import { API_ERRORS } from '../api/errors';
import { LIMITS } from '../api/methods';
import { ApiError } from './api-error';
import type { ByteBudget, Holder } from './byte-budget';

/** What is longer is read in steps: a few quick callers would keep the event loop from everybody else. */
const STEP_BYTES = 64 * 1024;

/** The whole body of a request, and its bytes in the budget, until they are released. */
export interface RequestBody {
  readonly bytes: Buffer;
  readonly holder: Holder;
}

/**
 * Reads a body. Rejects with ApiError when it is too large, or when it must make room for others; the rest of it is then
 * thrown away. Rejects with another error when the caller goes away. Nothing of the body hangs on the request afterwards:
 * its connection, and with it the request, may stay for long.
 */
export function readBody(request: IncomingMessage, budget: ByteBudget): Promise<RequestBody> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    const pace = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= STEP_BYTES) return;
      request.pause();
      setImmediate(() => request.resume());
    };
    const settle = (): Buffer[] => {
      const all = chunks;
      chunks = [];
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      return all;
    };
    const refuse = (error: ApiError): void => {
      settle();
      holder.release();
      // An error that nobody hears would end the process.
      request.on('error', () => undefined).on('data', pace);
      reject(error);
    };
    const holder = budget.open(request.socket, () => {
      refuse(new ApiError(API_ERRORS.overloaded, 'too many bytes of requests are under way'));
    });
    const tooLarge = (): void => {
      refuse(new ApiError(API_ERRORS.bodyTooLarge, `a request has ${LIMITS.bodyBytes} bytes at most`));
    };
    const onData = (chunk: Buffer): void => {
      pace(chunk);
      chunks.push(chunk);
      if (bytes > LIMITS.bodyBytes) tooLarge();
      else holder.take(chunk.length);
    };
    const onEnd = (): void => {
      const all = settle();
      const [first] = all;
      holder.settle();
      resolve({ bytes: all.length === 1 && first !== undefined ? first : Buffer.concat(all), holder });
    };
    const onClose = (): void => {
      settle();
      holder.release();
      reject(new Error('the caller went away'));
    };
    if (Number(request.headers['content-length'] ?? 0) > LIMITS.bodyBytes) {
      tooLarge();
      return;
    }
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}
