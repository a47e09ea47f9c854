import { WebSocket } from 'ws';
import { CallerHandshake, WELCOME, type Credentials } from '../../../src/network/handshake';

export interface PeerSocketOptions {
  /** The id that the server at the port is expected to have. */
  readonly callee?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly onSocket?: (socket: WebSocket) => void;
}

/** A connection on which both sides have proved themselves. Rejects with what the server says instead. */
export function peerSocket(
  port: number,
  credentials: Credentials,
  { callee = 0, headers = {}, onSocket = () => undefined }: PeerSocketOptions = {},
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const handshake = new CallerHandshake(credentials, callee);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/rpc`, {
      headers: { ...handshake.headers, ...headers },
    });
    onSocket(socket);
    let proof = '';
    socket.on('upgrade', (response) => {
      try {
        proof = handshake.answer(response.headers);
      } catch (error) {
        reject(new Error((error as Error).message));
        socket.terminate();
      }
    });
    socket.on('open', () => {
      socket.send(proof);
    });
    socket.once('message', (data) => {
      const text = (data as Buffer).toString();
      if (text === WELCOME) resolve(socket);
      else reject(new Error(text));
    });
    socket.on('unexpected-response', (_, response) => {
      response.setEncoding('utf8').on('data', (text: string) => {
        reject(new Error(`${response.statusCode ?? 0} ${text}`));
      });
    });
    socket.on('error', reject);
    socket.on('close', () => {
      reject(new Error('the connection was closed'));
    });
  });
}

/** The next message that comes, as JSON. */
export function nextMessage(socket: WebSocket): Promise<unknown> {
  return new Promise((resolve) => {
    socket.once('message', (data) => {
      resolve(JSON.parse((data as Buffer).toString()));
    });
  });
}
