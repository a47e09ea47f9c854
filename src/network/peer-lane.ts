import { CallError } from '../core/errors';
import { PeerConnection, type ConnectionOptions } from './peer-connection';

/** Calls that travel together: enough to share the cost of a message, few enough to keep its answer small. */
const BATCH_CALLS = 500;
const BATCH_BYTES = 2 * 1024 * 1024;
const CLOSED = 'the transport is closed';

export interface LaneOptions extends ConnectionOptions {
  /** Batches under way at a time, each on a connection of its own; calls that come meanwhile travel together in the next. */
  readonly batchesInFlight: number;
  /** While a batch is under way the next one waits for its end, but not longer than this after it was sent. */
  readonly batchSpacingMs: number;
  readonly observer: LaneObserver;
}

/** Told of what passes, for status and metrics. */
export interface LaneObserver {
  sent(method: string, bytes: number): void;
  answered(method: string): void;
  /** A batch was answered after so long. */
  roundTrip(durationMs: number): void;
  failed(): void;
}

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
  readonly body: string;
  readonly timeoutMs: number;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: CallError) => void;
}

/** The same object of parameters goes to all peers, and again to the silent ones: it is turned into text once. */
const texts = new WeakMap<object, string>();

function textOf(params: unknown): string {
  if (typeof params !== 'object' || params === null) return JSON.stringify(params);
  const text = texts.get(params) ?? JSON.stringify(params);
  texts.set(params, text);
  return text;
}

interface Answer {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message?: string } | null;
}

/**
 * The calls of one lane to one peer, as JSON-RPC 2.0 batches. All calls of one turn of the event loop, and those that
 * wait for a free connection, share a batch. A call that the batch's answer leaves out is unanswered.
 */
export class PeerLane {
  readonly #options: LaneOptions;
  readonly #connections: readonly PeerConnection[];
  readonly #idle: PeerConnection[];
  readonly #calls = new Map<number, Call>();
  /** Of the calls not sent yet. */
  readonly #waiting = new Map<unknown, { readonly method: string; readonly promise: Promise<unknown> }>();
  #queue: Call[] = [];
  #nextId = 1;
  /** Defined while the last batch is too young for another one beside it. */
  #spacing: NodeJS.Timeout | undefined;
  #isFlushScheduled = false;
  #isClosed = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#connections = Array.from({ length: options.batchesInFlight }, () => new PeerConnection(options));
    this.#idle = [...this.#connections];
  }

  /**
   * Rejects with CallError at the latest after `timeoutMs`. Waits up to `lingerMs` for other calls to travel with. The
   * same call, with the same object of parameters, that still waits to be sent is not sent twice.
   */
  call(method: string, params: unknown, timeoutMs: number, lingerMs = 0): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new CallError(CLOSED));
    const waiting = this.#waiting.get(params);
    if (waiting?.method === method) return waiting.promise;
    const promise = new Promise<unknown>((resolve, reject) => {
      const id = this.#nextId++;
      const body = `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${textOf(params)}}`;
      const timer = setTimeout(() => {
        this.#calls.delete(id);
        this.#waiting.delete(params);
        reject(new CallError(`${method}: no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      const call: Call = { id, method, params, body, timeoutMs, timer, resolve, reject };
      this.#calls.set(id, call);
      this.#queue.push(call);
    });
    if (typeof params === 'object') this.#waiting.set(params, { method, promise });
    if (lingerMs === 0) this.#scheduleFlush();
    else this.#flushAfter(lingerMs);
    return promise;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#spacing);
    for (const call of this.#calls.values()) this.#settle(call)?.reject(new CallError(CLOSED));
    for (const connection of this.#connections) connection.close();
  }

  #flushAfter(lingerMs: number): void {
    setTimeout(() => {
      if (this.#queue.length > 0) this.#scheduleFlush();
    }, lingerMs);
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled || !this.#maySend()) return;
    this.#isFlushScheduled = true;
    setImmediate(() => {
      this.#isFlushScheduled = false;
      while (this.#maySend()) {
        const batch = this.#takeBatch();
        if (batch.length === 0) return;
        void this.#send(batch);
      }
    });
  }

  #space(spacingMs: number): void {
    clearTimeout(this.#spacing);
    this.#spacing = setTimeout(() => {
      this.#spacing = undefined;
      if (this.#queue.length > 0) this.#scheduleFlush();
    }, spacingMs);
  }

  #maySend(): boolean {
    if (this.#idle.length === this.#connections.length) return true;
    return this.#idle.length > 0 && this.#spacing === undefined;
  }

  #takeBatch(): Call[] {
    const batch: Call[] = [];
    let bytes = 0;
    let taken = 0;
    for (const call of this.#queue) {
      if (batch.length === BATCH_CALLS || (batch.length > 0 && bytes + call.body.length > BATCH_BYTES)) break;
      taken++;
      this.#waiting.delete(call.params);
      // A call that timed out while it waited is not worth sending.
      if (!this.#calls.has(call.id)) continue;
      batch.push(call);
      bytes += call.body.length;
    }
    this.#queue = this.#queue.slice(taken);
    return batch;
  }

  async #send(batch: readonly Call[]): Promise<void> {
    const connection = this.#idle.pop();
    if (connection === undefined) throw new Error('a batch without a connection');
    const { observer, origin, batchSpacingMs } = this.#options;
    const timeoutMs = Math.max(...batch.map((call) => call.timeoutMs));
    const sentAt = performance.now();
    if (batchSpacingMs > 0) this.#space(batchSpacingMs);
    try {
      for (const call of batch) observer.sent(call.method, call.body.length);
      const answers = await connection.exchange(`[${batch.map((call) => call.body).join(',')}]`, timeoutMs);
      for (const answer of answersIn(answers)) this.#take(answer);
      observer.roundTrip(performance.now() - sentAt);
    } catch (error) {
      const failure = new CallError(`${origin}: ${(error as Error).message}`, { cause: error });
      for (const call of batch) this.#settle(call)?.reject(failure);
      observer.failed();
    } finally {
      this.#idle.push(connection);
      if (this.#queue.length > 0) this.#scheduleFlush();
    }
  }

  #take(answer: Answer): void {
    const call = typeof answer.id === 'number' ? this.#calls.get(answer.id) : undefined;
    if (call === undefined) return;
    this.#settle(call);
    const { error, result } = answer;
    if (error === undefined || error === null) call.resolve(result);
    else call.reject(new CallError(`${call.method}: ${error.message ?? 'refused'}`));
    this.#options.observer.answered(call.method);
  }

  #settle(call: Call): Call | undefined {
    clearTimeout(call.timer);
    return this.#calls.delete(call.id) ? call : undefined;
  }
}

function answersIn(text: string): Answer[] {
  const answers: unknown = JSON.parse(text);
  if (Array.isArray(answers)) return answers as Answer[];
  throw new Error((answers as Answer | null)?.error?.message ?? 'no answer to a batch');
}
