import { request, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data: { readonly name: string; readonly definite: boolean; readonly retry: boolean };
}

export interface RpcReply {
  readonly jsonrpc: '2.0';
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: RpcError;
}

export interface HttpRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Several pieces travel chunked, without a content-length. */
  readonly body?: string | Buffer | readonly string[];
}

/** One HTTP request on a connection of its own, with any Host header: fetch would not send it. */
export function http(
  port: number,
  { method = 'POST', path = '/rpc', headers = {}, body = '' }: HttpRequest,
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const length = typeof body === 'string' || body instanceof Buffer;
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        agent: false,
        headers: {
          'content-type': 'application/json',
          ...(length && body.length > 0 && { 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text: Buffer.concat(chunks).toString('utf8'),
          });
        });
      },
    );
    outgoing.on('error', reject);
    if (length) outgoing.end(body);
    else {
      for (const piece of body) outgoing.write(piece);
      outgoing.end();
    }
  });
}

/** Sends a body as it is and gives the parsed answer; undefined for an answer without a body. */
export async function post(
  port: number,
  body: HttpRequest['body'],
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly answer: unknown }> {
  const { status, text } = await http(port, { headers, ...(body !== undefined && { body }) });
  return { status, answer: text === '' ? undefined : (JSON.parse(text) as unknown) };
}

/** One JSON-RPC call. */
export async function rpc(
  port: number,
  method: string,
  params?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<RpcReply> {
  const { answer } = await post(port, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), headers);
  return answer as RpcReply;
}

/** One JSON-RPC call that must succeed. */
export async function result<T>(port: number, method: string, params?: unknown): Promise<T> {
  const answer = await rpc(port, method, params);
  if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.code} ${answer.error.message}`);
  return answer.result as T;
}

/** A raw connection, for what no HTTP client would do. */
export function rawConnection(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
