import { randomInt } from 'node:crypto';
import BrowserClient from 'jayson/promise/lib/client/browser';
import { Pool, errors } from 'undici';
import { z } from 'zod';
import type { ApiMethod } from '../api/methods';
import { SeededRandom } from '../core/random';
import { realClock } from '../real-clock';
import type { ClientEnvironment } from './environment';
import { AttemptFailed, InvalidArgument, answeredError } from './errors';

/** Writes never wait for a connection behind one another: as many as one client has in progress. */
const CONNECTIONS = 32;
const CONNECT_TIMEOUT_MS = 2000;
/** A list answers with up to 4 MiB of text, which JSON may write six times as long. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

const failureSchema = z.object({
  code: z.int(),
  message: z.string(),
  data: z.object({ epoch: z.int().optional() }).optional().catch(undefined),
});

const answerSchema = z.union([
  z.object({ jsonrpc: z.literal('2.0'), error: failureSchema }),
  z.object({ jsonrpc: z.literal('2.0'), result: z.unknown() }),
]);

/** By these calls of the system a connection comes to be: no request has gone out on one that fails in them. */
const CONNECTING = new Set(['connect', 'getaddrinfo']);
const UNSENT = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ENOTFOUND', 'unknown host'],
  ['EAI_AGAIN', 'the host name cannot be resolved now'],
  ['EHOSTUNREACH', 'host unreachable'],
  ['ENETUNREACH', 'network unreachable'],
  ['UND_ERR_CONNECT_TIMEOUT', 'no connection in time'],
]);

/** The origin of `host:port`. Throws InvalidArgument. */
function originOf(server: string): string {
  const text = `http://${server}`;
  const url = /:\d{1,5}$/.test(server) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.port === '0' || url.href !== `${url.origin}/`)
    throw new InvalidArgument(`"${server}" is not host:port`);
  return url.origin;
}

/** The same codes, such as EHOSTUNREACH, may come later, on a connection that has carried the request already. */
function isUnsent(error: unknown): boolean {
  // A host with several addresses, of which none could be connected to.
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isUnsent);
  const { syscall } = error as { syscall?: string };
  return error instanceof errors.ConnectTimeoutError || CONNECTING.has(syscall ?? '');
}

/** What the failure of a request says about it. */
export function asAttemptFailed(error: unknown, timeoutMs: number): AttemptFailed {
  if (error instanceof AttemptFailed) return error;
  const { code, name, message } = error as { code?: string; name?: string; message?: string };
  if (isUnsent(error)) {
    const text = UNSENT.get(code ?? '') ?? `cannot connect (${message ?? code ?? 'no reason'})`;
    return new AttemptFailed(text, { definite: true, retry: true }, { cause: error });
  }
  const timedOut =
    name === 'TimeoutError' ||
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError;
  const text = timedOut
    ? `no answer within ${Math.ceil(timeoutMs)} ms`
    : `connection lost (${message ?? code ?? 'no reason'})`;
  return new AttemptFailed(text, { definite: false, retry: true }, { cause: error });
}

/** What a body that is no JSON-RPC answer says: a client error of HTTP (4xx) at least surely had no effect. */
function strangeAnswer(status: number): AttemptFailed {
  const definite = status >= 400 && status < 500 && status !== 408;
  return new AttemptFailed(`no JSON-RPC answer (HTTP ${status})`, { definite, retry: true });
}

/** JSON-RPC over HTTP to one server: jayson makes the calls, undici moves the bytes under a deadline that holds to the last one. */
class Connection {
  readonly #pool: Pool;
  #nextId = 1;

  constructor(origin: string) {
    this.#pool = new Pool(origin, {
      connections: CONNECTIONS,
      pipelining: 1,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      maxResponseSize: MAX_RESPONSE_BYTES,
    });
  }

  async call(method: string, params: object, timeoutMs: number): Promise<unknown> {
    let status = 0;
    const codec = new BrowserClient(
      async (body) => {
        const response = await this.#pool.request({
          path: '/rpc',
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
          signal: AbortSignal.timeout(Math.ceil(timeoutMs)),
        });
        status = response.statusCode;
        return response.body.text();
      },
      { generator: () => String(this.#nextId++) },
    );
    let answer: unknown;
    try {
      answer = await codec.request(method, params);
    } catch (error) {
      throw error instanceof SyntaxError ? strangeAnswer(status) : asAttemptFailed(error, timeoutMs);
    }
    const parsed = answerSchema.safeParse(answer);
    if (!parsed.success) throw strangeAnswer(status);
    if ('error' in parsed.data) throw answeredError(parsed.data.error);
    return parsed.data.result;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

/** The real environment: HTTP to servers named `host:port`. Throws InvalidArgument for another name. */
export function httpEnvironment(servers: readonly string[]): ClientEnvironment {
  const connections = new Map(servers.map((server) => [server, new Connection(originOf(server))]));
  return {
    clock: realClock,
    random: new SeededRandom(randomInt(2 ** 32)),
    call: (server: string, method: ApiMethod, params: object, timeoutMs: number) => {
      let connection = connections.get(server);
      if (connection === undefined) {
        connection = new Connection(originOf(server));
        connections.set(server, connection);
      }
      return connection.call(method, params, timeoutMs);
    },
    close: async () => {
      await Promise.all([...connections.values()].map((connection) => connection.close()));
    },
  };
}
