import type { ServerId } from './ballot';
import type { ProtocolEvent } from './events';
import type { Json } from './json';

/**
 * Everything of the world that a protocol may touch. The server hands in the real one, the simulator its twin;
 * protocol code cannot tell them apart.
 */
export interface Environment {
  readonly self: ServerId;
  /** All servers of the cluster, `self` included, in the same order everywhere. */
  readonly members: readonly ServerId[];
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly storage: Storage;
  readonly faults: Faults;
  /** Hears of an error in the background, where no caller waits for it: the server must stop. */
  readonly fail: (error: unknown) => void;
  /** Reports what happened. The event is built only if somebody reads it. */
  readonly trace: (event: () => ProtocolEvent) => void;
}

/** Stops what a timer would have done. Without effect once it fired. */
export type Cancel = () => void;

/** Time for liveness only; safety never depends on it, but where a leader has a lease. */
export interface Clock {
  /** Milliseconds on a monotonic clock. Only differences mean anything. */
  now(): number;
  sleep(delayMs: number): Promise<void>;
  after(delayMs: number, run: () => void): Cancel;
}

export interface Random {
  /** Uniform in [0, 1). */
  float(): number;
  /** Uniform integer, both bounds included. */
  int(min: number, max: number): number;
  chance(probability: number): boolean;
  /** An independent stream: draws on one do not shift the other. */
  fork(label: string): Random;
}

/**
 * How a call travels. `vote`: at once, and never behind a long answer. `bulk`: may take long or be large, and has a way
 * of its own. `news`: nobody waits for it; it may linger a little so as to travel with a vote. `command`: a client's
 * request on its way to the leader, which takes as long as the votes for it.
 */
export type Lane = 'vote' | 'news' | 'bulk' | 'command';

export interface CallOptions {
  readonly timeoutMs: number;
  readonly lane: Lane;
}

export type Dispatch = (method: string, params: unknown) => Promise<unknown>;

export interface Transport {
  /**
   * One request, one answer. Rejects with CallError when no answer came in time; that says nothing about
   * whether the peer acted, since the request or the answer may have been lost.
   */
  call(to: ServerId, method: string, params: unknown, options: CallOptions): Promise<unknown>;
  /** Starts to answer the peers' calls. Once, after recovery. */
  listen(dispatch: Dispatch): void;
}

/** `value` undefined deletes the key. Keys are ordered as strings. */
export interface Change {
  readonly key: string;
  readonly value: Json | undefined;
}

export interface Storage {
  /**
   * All of it or nothing. Resolves when this write and every earlier one are durable; an empty write waits for
   * the earlier ones. Rejects with StorageError once it failed, and from then on always: the server must stop.
   */
  write(changes: readonly Change[]): Promise<void>;
  /**
   * For changes that nobody waits for: made durable with the next write, before it, or else within a moment.
   * Until then a crash may lose them.
   */
  defer(changes: readonly Change[]): void;
  /** Everything that is durable, or what has keys that begin so, in key order. At start only. */
  read(prefix?: string): Iterable<readonly [key: string, value: Json]>;
}

/** Failures a laboratory injects on purpose. */
export interface Faults {
  /** Draws whether this call on the named service goes unanswered, and which half of it is lost. */
  loses(service: string): 'request' | 'answer' | undefined;
}
