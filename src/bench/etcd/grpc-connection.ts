import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { formatAddress, type Address } from '../../network/address';
import type { Connection, ConnectionOptions, Operation, Refusal } from '../system';
import { grpcMessage, putRequest, putValue, rangeRequest } from './protobuf';

const WINDOW_BYTES = 16 * 1024 * 1024;
/** Node refuses to have more in flight; large values of many clients need more than its 10 MB. */
const SESSION_MEGABYTES = 1024;

/** One HTTP/2 connection to a server, shared by all clients of that server, as etcd's own client does it. */
class SharedSession {
  readonly #url: string;
  #session: ClientHttp2Session | undefined;
  #users = 0;

  constructor(server: Address) {
    this.#url = `http://${formatAddress(server)}`;
  }

  join(): void {
    this.#users++;
  }

  leave(): void {
    if (--this.#users > 0) return;
    this.#session?.destroy();
    this.#session = undefined;
  }

  get(): ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed)
      return this.#session;
    const session = connect(this.#url, {
      settings: { initialWindowSize: WINDOW_BYTES },
      maxSessionMemory: SESSION_MEGABYTES,
    });
    session.on('connect', () => {
      session.setLocalWindowSize(WINDOW_BYTES);
    });
    // What was in flight is told by its own streams.
    session.on('error', () => undefined);
    this.#session = session;
    return session;
  }
}

/** The connections to etcd servers, one per address. */
export class GrpcSessions {
  readonly #sessions = new Map<string, SharedSession>();

  connect(server: Address, options: ConnectionOptions): Connection {
    const name = formatAddress(server);
    const session = this.#sessions.get(name) ?? new SharedSession(server);
    this.#sessions.set(name, session);
    return new GrpcConnection(session, options);
  }
}

class GrpcConnection implements Connection {
  readonly #session: SharedSession;
  readonly #options: ConnectionOptions;
  readonly #value: Buffer;
  readonly #abort = new Set<(reason: string) => void>();
  #isClosed = false;

  constructor(session: SharedSession, options: ConnectionOptions) {
    this.#session = session;
    this.#options = options;
    this.#value = putValue('v'.repeat(options.valueBytes));
    session.join();
  }

  send(operations: readonly Operation[]): Promise<Refusal | undefined> {
    const [operation] = operations;
    if (operation === undefined || operations.length > 1) throw new Error('one operation per request');
    const { kind, key } = operation;
    return kind === 'get'
      ? this.#call('Range', rangeRequest(key, this.#options.read === 'local'))
      : this.#call('Put', putRequest(key, this.#value));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const abort of this.#abort) abort('the connection was closed');
    this.#session.leave();
  }

  #call(method: 'Put' | 'Range', message: Buffer): Promise<Refusal | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new Error('the connection was closed');
      const stream = this.#session.get().request({
        ':method': 'POST',
        ':path': `/etcdserverpb.KV/${method}`,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const abort = (reason: string): void => {
        stream.destroy(new Error(reason));
      };
      this.#abort.add(abort);
      let answer: IncomingHttpHeaders = {};
      const note = (headers: IncomingHttpHeaders): void => {
        if (headers['grpc-status'] !== undefined) answer = headers;
      };
      // An error without an answer stands in the first headers, any other outcome in the last.
      stream.on('response', note).on('trailers', note);
      stream.setTimeout(this.#options.timeoutMs, () => {
        abort(`no answer within ${this.#options.timeoutMs} ms`);
      });
      stream.on('error', reject).on('close', () => {
        this.#abort.delete(abort);
        const status = answer['grpc-status'];
        if (status === undefined) reject(new Error('the server closed the connection'));
        else resolve(status === '0' ? undefined : refusalOf(answer));
      });
      stream.resume();
      stream.end(grpcMessage(message));
    });
  }
}

function refusalOf(headers: IncomingHttpHeaders): Refusal {
  const message = String(headers['grpc-message'] ?? '');
  return { failed: 1, reason: message === '' ? `gRPC status ${String(headers['grpc-status'])}` : message };
}
