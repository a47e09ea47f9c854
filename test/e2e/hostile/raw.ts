import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A connection without the manners of an HTTP client. Errors only show as its end. */
export class Raw {
  readonly socket: Socket;
  /** All that came back so far, as Latin-1. */
  text = '';
  /** Whether the server has closed neither its half nor all of it. */
  isOpen = true;
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (data: Buffer) => (this.text += data.toString('latin1')));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      const over = (): void => {
        this.isOpen = false;
        resolve();
      };
      socket.once('end', over).once('close', over);
    });
  }

  /** Undefined when nobody accepts. */
  static open(port: number): Promise<Raw | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      const refused = (): void => {
        resolve(undefined);
      };
      socket.once('error', refused);
      socket.once('connect', () => {
        socket.off('error', refused);
        resolve(new Raw(socket));
      });
    });
  }

  /** Resolves when the operating system took it, or the connection is gone. */
  send(data: string | Buffer): Promise<void> {
    if (!this.isOpen || this.socket.writableEnded) return Promise.resolve();
    return new Promise((resolve) => {
      void this.closed.then(resolve);
      this.socket.write(data, () => {
        resolve();
      });
    });
  }

  /** How many complete heads of answers came back. */
  get answers(): number {
    return this.text.match(/HTTP\/1\.1 (?!1)\d{3} /g)?.length ?? 0;
  }

  /** Whether it holds, or came to hold within the time. */
  async until(condition: () => boolean, withinMs = 2000): Promise<boolean> {
    const end = performance.now() + withinMs;
    while (!condition()) {
      if (performance.now() > end) return false;
      await sleep(5);
    }
    return true;
  }
}

/** A POST of a JSON-RPC body, or of a longer or shorter one than it says. */
export function postOf(
  port: number,
  body: string,
  { length = Buffer.byteLength(body), headers = '' } = {},
): string {
  return (
    `POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n${headers}` +
    `Content-Length: ${length}\r\n\r\n${body}`
  );
}

export function getOf(port: number, path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headers}\r\n`;
}

export const H2C = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
export const WEBSOCKET =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';

export function callOf(method: string, params: unknown, id: unknown = 1): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}
