import { API_ERRORS } from '../api/errors';
import { API_METHODS } from '../api/methods';
import type { ApiMethod, ApiParams, ApiResult } from '../api/methods';
import type { ClientEnvironment } from './environment';
import { AttemptFailed, CLIENT_ERRORS, InvalidArgument, OperationFailed } from './errors';
import { LeaderRotation } from './leader-rotation';
import { Operation } from './operation';
import type { Task } from './operation';
import { Rotation } from './rotation';
import { Window } from './window';

export type ReadLevel = NonNullable<ApiParams<'kv.get'>['read']>;
export type LogLevel = ApiResult<'logs.get'>['level'];
export type PutResult = ApiResult<'kv.put'>;
export type DeleteResult = ApiResult<'kv.delete'>;
export type CompareAndSetResult = ApiResult<'kv.compareAndSet'>;
export type GetResult = ApiResult<'kv.get'>;
export type ListResult = ApiResult<'kv.list'>;
export type Status = ApiResult<'cluster.status'>;
export type Faults = ApiResult<'faults.get'>;

export interface CallOptions {
  /** The operation ends within this time, one way or the other. */
  readonly deadlineMs?: number | undefined;
  /** Ask all servers at once and take the first good answer. A write still takes effect once. */
  readonly broadcast?: boolean | undefined;
  /** Ends the operation early. A write that was sent already then ends as OutcomeUnknown. */
  readonly signal?: AbortSignal | undefined;
}

export interface ReadOptions extends CallOptions {
  /** `local` (default): what the asked server has applied. `linearizable`: never older than any write acknowledged before. */
  readonly read?: ReadLevel | undefined;
}

export interface ListOptions extends ReadOptions {
  readonly prefix?: string | undefined;
  /** Only keys after this one. */
  readonly after?: string | undefined;
  /** 1 to 1000 entries; default 100. */
  readonly limit?: number | undefined;
}

export interface ClientSettings {
  /** Names that the environment knows the servers by. */
  readonly servers: readonly string[];
  /** Unique to this client: with a sequence it names a write. */
  readonly id: string;
  readonly deadlineMs: number;
  readonly attemptTimeoutMs: number;
  readonly broadcast: boolean;
  /** Ask the server that leads first, where the protocol has a leader. */
  readonly followLeader: boolean;
}

/**
 * A client of a cluster. Every operation fails over by itself and ends by its deadline; it rejects with a ClientError,
 * of which OutcomeUnknown alone leaves open whether a write took effect.
 */
export class SynodClient {
  readonly #environment: ClientEnvironment;
  readonly #settings: ClientSettings;
  readonly #rotation: Rotation;
  /** The rotation, if it follows the leader. */
  readonly #leaders: LeaderRotation | undefined;
  readonly #window = new Window();
  readonly #inProgress = new Set<AbortController>();
  /** Of the session that writes belong to: with the id it names this client. Learned when a server has forgotten the last one. */
  #epoch = 0;
  #closed = false;

  constructor(environment: ClientEnvironment, settings: ClientSettings) {
    if (settings.servers.length === 0) throw new InvalidArgument('a client needs at least one server');
    this.#environment = environment;
    this.#settings = settings;
    const { servers, followLeader } = settings;
    this.#leaders = followLeader ? new LeaderRotation(servers, environment) : undefined;
    this.#rotation = this.#leaders ?? new Rotation(servers);
  }

  get id(): string {
    return this.#settings.id;
  }

  get servers(): readonly string[] {
    return this.#settings.servers;
  }

  /** The server in use: the one that answered last, when no operation is in progress. */
  get server(): string {
    return this.#rotation.current;
  }

  put(key: string, value: string, options: CallOptions = {}): Promise<PutResult> {
    return this.#write('kv.put', { key, value }, options);
  }

  delete(key: string, options: CallOptions = {}): Promise<DeleteResult> {
    return this.#write('kv.delete', { key }, options);
  }

  /** Sets (or removes, `value: null`) the key if it has the expected value; `expect: null` stands for absent. */
  compareAndSet(
    key: string,
    change: { readonly expect: string | null; readonly value: string | null },
    options: CallOptions = {},
  ): Promise<CompareAndSetResult> {
    return this.#write('kv.compareAndSet', { key, expect: change.expect, value: change.value }, options);
  }

  get(key: string, options: ReadOptions = {}): Promise<GetResult> {
    return this.#read('kv.get', { key, ...(options.read && { read: options.read }) }, options);
  }

  /** Entries in key order; `more` tells that the limit cut them off. */
  list(options: ListOptions = {}): Promise<ListResult> {
    const { prefix, after, limit, read } = options;
    const params = {
      ...(prefix !== undefined && { prefix }),
      ...(after !== undefined && { after }),
      ...(limit !== undefined && { limit }),
      ...(read && { read }),
    };
    return this.#read('kv.list', params, options);
  }

  /** How the server in use, or else the named one, sees the cluster. A named server is asked once; no other answers for it. */
  status(server?: string, options: CallOptions = {}): Promise<Status> {
    return server === undefined
      ? this.#read('cluster.status', {}, options)
      : this.#at(server, 'cluster.status', {}, options);
  }

  /** The failures that one server injects. Concerns that server only, and asks it once. */
  faults(server = this.server, options: CallOptions = {}): Promise<Faults> {
    return this.#at(server, 'faults.get', {}, options);
  }

  /** Makes one server inject failures. Concerns that server only, and asks it once. */
  setFaults(faults: Faults, server = this.server, options: CallOptions = {}): Promise<Faults> {
    return this.#at(server, 'faults.set', faults, options);
  }

  async logLevel(server = this.server, options: CallOptions = {}): Promise<LogLevel> {
    return (await this.#at(server, 'logs.get', {}, options)).level;
  }

  /** Sets one server's log level. Concerns that server only, and asks it once. */
  async setLogLevel(level: LogLevel, server = this.server, options: CallOptions = {}): Promise<LogLevel> {
    return (await this.#at(server, 'logs.set', { level }, options)).level;
  }

  /** Ends the operations in progress and lets go of connections. */
  close(): Promise<void> {
    this.#closed = true;
    for (const operation of [...this.#inProgress]) operation.abort();
    return this.#environment.close();
  }

  #write<M extends ApiMethod>(
    method: M,
    params: Record<string, string | null>,
    options: CallOptions,
  ): Promise<ApiResult<M>> {
    return this.#perform(method, params, options, true, async (task) => {
      const sequence = await this.#sequence(task);
      try {
        return await this.#writeAs({ ...params, client: this.#settings.id, sequence }, task);
      } finally {
        this.#window.leave(sequence);
      }
    });
  }

  /** In the current session; where servers have forgotten that, and surely did nothing, in a new one. */
  async #writeAs<Result>(params: object, task: Task<Result>): Promise<Result> {
    const { clock } = this.#environment;
    for (;;) {
      const epoch = this.#epoch;
      const onEpoch = (told: number): void => {
        this.#learn(told, epoch);
      };
      try {
        // The same for all attempts of this run, whatever other writes learn meanwhile.
        return await this.#run({ ...task, params: epoch === 0 ? params : { ...params, epoch }, onEpoch });
      } catch (error) {
        const isForgotten = error instanceof OperationFailed && error.code === API_ERRORS.staleEpoch.code;
        if (!isForgotten || this.#epoch === epoch || clock.now() >= task.deadline) throw error;
      }
    }
  }

  /**
   * A cluster behind the epoch that a write of this session named is another one, made anew at the same addresses. What
   * becomes of that write is unknown: a copy may be carried out when the cluster gets there. Later writes are not its copies.
   */
  #learn(told: number, named: number): void {
    if (told < named && this.#epoch === named) this.#epoch = told;
    else this.#epoch = Math.max(this.#epoch, told);
  }

  #read<M extends ApiMethod>(method: M, params: object, options: CallOptions): Promise<ApiResult<M>> {
    return this.#perform(method, params, options, false, (task) => this.#run(task));
  }

  #at<M extends ApiMethod>(
    server: string,
    method: M,
    params: object,
    options: CallOptions,
  ): Promise<ApiResult<M>> {
    const changes = method === 'faults.set' || method === 'logs.set';
    return this.#perform(method, params, options, changes, (task) => this.#operation(task).runAt(server));
  }

  #run<Result>(task: Task<Result>): Promise<Result> {
    this.#leaders?.turn();
    const result = this.#operation(task).run();
    this.#leaders?.ask();
    return result;
  }

  #operation<Result>(task: Task<Result>): Operation<Result> {
    return new Operation(this.#environment, this.#rotation, task);
  }

  async #perform<M extends ApiMethod>(
    method: M,
    params: object,
    options: CallOptions,
    write: boolean,
    run: (task: Task<ApiResult<M>>) => Promise<ApiResult<M>>,
  ): Promise<ApiResult<M>> {
    validate(method, params);
    if (this.#closed) throw new OperationFailed(CLIENT_ERRORS.closed.code, 'the client is closed');
    if (options.signal?.aborted === true)
      throw new OperationFailed(CLIENT_ERRORS.cancelled.code, 'cancelled before it was sent');
    const abort = new AbortController();
    this.#inProgress.add(abort);
    try {
      return await run({
        method,
        params,
        write,
        parse: (answer) => parseResult(method, answer),
        deadline: this.#environment.clock.now() + (options.deadlineMs ?? this.#settings.deadlineMs),
        attemptTimeoutMs: this.#settings.attemptTimeoutMs,
        broadcast: options.broadcast ?? this.#settings.broadcast,
        signal: options.signal ? AbortSignal.any([options.signal, abort.signal]) : abort.signal,
      });
    } finally {
      this.#inProgress.delete(abort);
    }
  }

  /** Waits for this write's turn. Rejects when it does not come in time: nothing was sent then. */
  async #sequence({ deadline, signal }: Task<unknown>): Promise<number> {
    const { clock } = this.#environment;
    const ticket = this.#window.enter();
    return new Promise((resolve, reject) => {
      const giveUp = (code: number, message: string): void => {
        if (!ticket.withdraw()) return;
        stopWaiting();
        reject(new OperationFailed(code, message));
      };
      const onAbort = (): void => {
        giveUp(CLIENT_ERRORS.cancelled.code, 'cancelled before it was sent');
      };
      const cancelTimer = clock.after(Math.max(0, deadline - clock.now()), () => {
        giveUp(CLIENT_ERRORS.busy.code, 'earlier writes of this client left it no time: it was never sent');
      });
      const stopWaiting = (): void => {
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
      };
      signal.addEventListener('abort', onAbort);
      void ticket.sequence.then((sequence) => {
        stopWaiting();
        resolve(sequence);
      });
    });
  }
}

function parseResult<M extends ApiMethod>(method: M, answer: unknown): ApiResult<M> {
  const parsed = API_METHODS[method].result.safeParse(answer);
  if (parsed.success) return parsed.data as ApiResult<M>;
  const options = { cause: parsed.error };
  throw new AttemptFailed(`not an answer to ${method}`, { definite: false, retry: true }, options);
}

/** Refuses at once, in the server's own words, what every server would refuse. */
function validate(method: ApiMethod, params: object): void {
  const checked = API_METHODS[method].params.safeParse(params);
  if (checked.success) return;
  throw new InvalidArgument(checked.error.issues.map(({ message }) => message).join('; '));
}
