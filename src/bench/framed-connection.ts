import { createConnection, type Socket } from 'node:net';
import type { Address } from '../network/address';
import type { Connection, Operation, Refusal } from './system';

/** One answer at the front of what arrived. */
export interface Frame {
  readonly bytes: number;
  readonly refusal: Refusal | undefined;
}

/**
 * Finds the first whole answer, which is that to `operations`; undefined: more must arrive. Throws an Error when this is
 * not the protocol.
 */
export type Decode = (received: Buffer, operations: readonly Operation[]) => Frame | undefined;

/** A protocol over TCP whose answers come in the order of the requests. */
export interface Wire {
  readonly encode: (operations: readonly Operation[]) => Buffer | string;
  readonly decode: Decode;
  /** What begins every connection. */
  readonly greeting?: { readonly request: Buffer; readonly decode: Decode };
}

interface Pending {
  readonly sentAtMs: number;
  readonly operations: readonly Operation[];
  readonly decode: Decode;
  readonly resolve: (refusal: Refusal | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** Requests and answers over one socket, many in flight. Lean on purpose: it shares the machine with the servers. */
export class FramedConnection implements Connection {
  readonly #address: Address;
  readonly #wire: Wire;
  readonly #timeoutMs: number;
  readonly #watch: NodeJS.Timeout;
  #socket: Socket | undefined;
  #pending: Pending[] = [];
  #received: Buffer = Buffer.alloc(0);
  #isCorked = false;

  constructor(address: Address, wire: Wire, timeoutMs: number) {
    this.#address = address;
    this.#wire = wire;
    this.#timeoutMs = timeoutMs;
    this.#watch = setInterval(() => {
      const oldest = this.#pending[0];
      if (oldest !== undefined && performance.now() - oldest.sentAtMs > timeoutMs)
        this.#fail(new Error(`no answer within ${this.#timeoutMs} ms`));
    }, timeoutMs / 10).unref();
  }

  send(operations: readonly Operation[]): Promise<Refusal | undefined> {
    const { encode, decode } = this.#wire;
    return this.#exchange(this.#socket ?? this.#open(), encode(operations), operations, decode);
  }

  close(): void {
    clearInterval(this.#watch);
    this.#fail(new Error('the connection was closed'));
  }

  #open(): Socket {
    const { host, port } = this.#address;
    const socket = createConnection({ host, port, noDelay: true });
    this.#socket = socket;
    this.#received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      if (this.#socket === socket) this.#receive(chunk);
    });
    const lost = (error?: Error): void => {
      if (this.#socket === socket) this.#fail(error ?? new Error('the server closed the connection'));
    };
    socket.on('error', lost).on('close', () => {
      lost();
    });
    const { greeting } = this.#wire;
    // A refused greeting ends the connection, and with it whatever waits behind it.
    if (greeting !== undefined)
      this.#exchange(socket, greeting.request, [], greeting.decode).catch(() => undefined);
    return socket;
  }

  #exchange(
    socket: Socket,
    request: Buffer | string,
    operations: readonly Operation[],
    decode: Decode,
  ): Promise<Refusal | undefined> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ sentAtMs: performance.now(), operations, decode, resolve, reject });
      // What is sent in one go leaves in one packet.
      if (!this.#isCorked) {
        this.#isCorked = true;
        socket.cork();
        process.nextTick(() => {
          this.#isCorked = false;
          socket.uncork();
        });
      }
      socket.write(request);
    });
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    try {
      for (let first = this.#pending[0]; this.#received.length > 0; first = this.#pending[0]) {
        if (first === undefined) throw new Error('the server answered without being asked');
        const frame = first.decode(this.#received, first.operations);
        if (frame === undefined) return;
        this.#received = this.#received.subarray(frame.bytes);
        this.#pending.shift();
        first.resolve(frame.refusal);
      }
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #fail(error: Error): void {
    const pending = this.#pending;
    this.#pending = [];
    this.#socket?.destroy();
    this.#socket = undefined;
    for (const { reject } of pending) reject(error);
  }
}
