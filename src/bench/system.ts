import type { Address } from '../network/address';

/** `create` is a put that makes the key; only ZooKeeper tells the two apart. */
export interface Operation {
  readonly kind: 'create' | 'put' | 'get';
  readonly key: string;
}

/** Operations that were answered with an error, and the last such error. */
export interface Refusal {
  readonly failed: number;
  readonly reason: string;
}

/** One client's way to one server. */
export interface Connection {
  /**
   * Carries out operations that travel in one request. Undefined: all succeeded. Rejects with an Error when no answer
   * came: the operations may have happened or not. The next call tries to connect again.
   */
  send(operations: readonly Operation[]): Promise<Refusal | undefined>;
  close(): void;
}

export type ReadLevel = 'local' | 'linearizable';

export interface ConnectionOptions {
  readonly valueBytes: number;
  readonly read: ReadLevel;
  /** A request without an answer for so long counts as lost. */
  readonly timeoutMs: number;
}

/** What all servers together have spent since they started; undefined: not known for this system. */
export interface Spent {
  readonly cpuSeconds: number | undefined;
  /** Messages between servers, requests and answers. */
  readonly peerMessages: number | undefined;
  readonly peerBytes: number | undefined;
  /** Resident now. */
  readonly memoryBytes: number | undefined;
}

/** How a cluster is set up, as far as it says so itself. */
export interface Setup {
  readonly durability: 'durable' | 'ephemeral';
  readonly protocol?: string;
  /** With `, thrifty` where it is. */
  readonly quorums?: string;
}

/** A running cluster of servers that can be measured. */
export interface System {
  readonly name: string;
  readonly version: string;
  readonly setup: Setup;
  readonly servers: readonly Address[];
  /** Whether a request may carry several operations. */
  readonly canBatch: boolean;
  /** Index of the server to which writes are best sent; 0 when there is no leader. */
  leader(): Promise<number>;
  /** A client of its own; it connects with its first request. */
  connect(server: Address, options: ConnectionOptions): Connection;
  spent(): Promise<Spent>;
  /** Ends every process that was started for it and removes their data. */
  stop(): Promise<void>;
}

/** What another system needs to start a cluster of its own. */
export interface StartPlan {
  readonly servers: number;
  /** Looks for so many consecutive free ports; resolves with the first. */
  readonly freePorts: (count: number) => Promise<number>;
  readonly signal: AbortSignal;
}

/** The program of another system is missing: the message says how to get it. */
export class NotInstalled extends Error {
  override readonly name = 'NotInstalled';
}
