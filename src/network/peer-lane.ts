import { Pool } from 'undici';
import { CallError } from '../core/errors';

/** Calls that travel together: enough to share the cost of a request, few enough to keep its answer small. */
const BATCH_CALLS = 500;
const BATCH_BYTES = 2 * 1024 * 1024;

export interface LaneOptions {
  /** `http://host:port` */
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Requests under way at a time; calls that come meanwhile travel together in the next. */
  readonly requestsInFlight: number;
  readonly maxAnswerBytes: number;
  readonly observer: LaneObserver;
}

/** Told of what passes, for status and metrics. */
export interface LaneObserver {
  sent(method: string, bytes: number): void;
  answered(method: string): void;
  /** One request came back after so long. */
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
  readonly error?: { readonly message?: string };
}

/**
 * The calls of one lane to one peer, as JSON-RPC 2.0 batches over HTTP. All calls of one turn of the event loop, and
 * those that wait for a free request, share a batch. A call that the batch's answer leaves out is unanswered.
 */
export class PeerLane {
  readonly #options: LaneOptions;
  readonly #pool: Pool;
  readonly #calls = new Map<number, Call>();
  /** Of the calls not sent yet. */
  readonly #waiting = new Map<unknown, { readonly method: string; readonly promise: Promise<unknown> }>();
  #queue: Call[] = [];
  #inFlight = 0;
  #nextId = 1;
  #isFlushScheduled = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#pool = new Pool(options.origin, {
      connections: options.requestsInFlight,
      pipelining: 1,
      connectTimeout: 2_000,
      keepAliveTimeout: 30_000,
      maxResponseSize: options.maxAnswerBytes,
    });
  }

  /**
   * Rejects with CallError at the latest after `timeoutMs`. Waits up to `lingerMs` for other calls to travel with. The
   * same call, with the same object of parameters, that still waits to be sent is not sent twice.
   */
  call(method: string, params: unknown, timeoutMs: number, lingerMs = 0): Promise<unknown> {
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

  async close(): Promise<void> {
    for (const call of this.#calls.values())
      this.#settle(call)?.reject(new CallError('the transport is closed'));
    await this.#pool.destroy();
  }

  #flushAfter(lingerMs: number): void {
    setTimeout(() => {
      if (this.#queue.length > 0) this.#scheduleFlush();
    }, lingerMs);
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled || this.#inFlight >= this.#options.requestsInFlight) return;
    this.#isFlushScheduled = true;
    setImmediate(() => {
      this.#isFlushScheduled = false;
      while (this.#inFlight < this.#options.requestsInFlight) {
        const batch = this.#takeBatch();
        if (batch.length === 0) return;
        void this.#send(batch);
      }
    });
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
    this.#inFlight++;
    const { observer } = this.#options;
    for (const call of batch) observer.sent(call.method, call.body.length);
    const sentAt = performance.now();
    try {
      for (const answer of await this.#exchange(batch)) this.#take(answer);
      observer.roundTrip(performance.now() - sentAt);
    } catch (error) {
      observer.failed();
      const failure = new CallError(`${this.#options.origin}: ${(error as Error).message}`, { cause: error });
      for (const call of batch) this.#settle(call)?.reject(failure);
    } finally {
      this.#inFlight--;
      if (this.#queue.length > 0) this.#scheduleFlush();
    }
  }

  async #exchange(batch: readonly Call[]): Promise<Answer[]> {
    // undici's own timeouts do not bound a body that dribbles; this bounds everything. Not AbortSignal.timeout: that
    // goes off, and makes an error with a stack, long after most requests were answered.
    const deadline = new AbortController();
    const timeoutMs = Math.max(...batch.map((call) => call.timeoutMs));
    const timer = setTimeout(() => {
      deadline.abort();
    }, timeoutMs);
    try {
      const { statusCode, body } = await this.#pool.request({
        path: '/rpc',
        method: 'POST',
        headers: this.#options.headers,
        body: `[${batch.map((call) => call.body).join(',')}]`,
        signal: deadline.signal,
      });
      const text = await body.text();
      if (statusCode === 204) return [];
      const answer: unknown = JSON.parse(text);
      if (Array.isArray(answer)) return answer as Answer[];
      throw new Error(`HTTP ${statusCode}: ${(answer as Answer).error?.message ?? 'no answer to a batch'}`);
    } finally {
      clearTimeout(timer);
    }
  }

  #take(answer: Answer): void {
    const call = typeof answer.id === 'number' ? this.#calls.get(answer.id) : undefined;
    if (call === undefined) return;
    this.#settle(call);
    this.#options.observer.answered(call.method);
    if (answer.error === undefined) call.resolve(answer.result);
    else call.reject(new CallError(`${call.method}: ${answer.error.message ?? 'refused'}`));
  }

  #settle(call: Call): Call | undefined {
    clearTimeout(call.timer);
    return this.#calls.delete(call.id) ? call : undefined;
  }
}
