import type { ServerId } from '../core/ballot';
import { SynodClient } from '../client/client';
import { AttemptFailed, ClientError } from '../client/errors';
import type { Request, Response } from '../history/history';
import type { Recorder } from '../history/recorder';
import { RecordingClient } from '../history/recording-client';
import { ClientLink, FORGOTTEN } from './client-link';
import type { ClientWrite } from './client-writes';
import type { Node } from './node';
import type { Oracle } from './oracle';
import { PATIENT_MS, type PlannedClient, type PlannedRequest } from './scenario';
import type { World } from './world';

export interface ClientParts {
  readonly world: World;
  readonly nodes: readonly Node[];
  readonly oracle: Oracle;
  readonly recorder: Recorder;
  readonly index: number;
  readonly plan: PlannedClient;
}

type PlannedOperation = Exclude<PlannedRequest, { readonly op: 'status' }>;
type WriteRequest = Exclude<Request, { readonly op: 'get' | 'list' }>;

/** The shipped client, and somebody who uses it as planned. */
export class SimulatedClient {
  readonly name: string;
  readonly #parts: ClientParts;
  readonly #link: ClientLink;
  readonly #client: SynodClient;
  readonly #recording: RecordingClient;
  /** What this client saw last of each key. */
  readonly #seen = new Map<string, string | null>();
  #values = 0;
  #isStopped = false;
  #inProgress = 0;
  succeeded = 0;
  performed = 0;
  /** Operations whose outcome nobody knows any more, since so many others wrote meanwhile. */
  forgotten = 0;

  constructor(parts: ClientParts) {
    const { world, nodes, oracle, recorder, index, plan } = parts;
    this.name = `c${index}`;
    this.#parts = parts;
    this.#link = new ClientLink({ world, nodes, oracle, index, echo: plan.echo, heldUp: plan.heldUp ?? 0 });
    this.#client = new SynodClient(this.#link, {
      servers: plan.servers.map(String),
      id: this.name,
      deadlineMs: plan.deadlineMs,
      attemptTimeoutMs: plan.attemptTimeoutMs,
      broadcast: false,
      followLeader: plan.followLeader ?? false,
    });
    this.#recording = new RecordingClient(this.name, this.#client, recorder);
  }

  /** Whether one of these servers is among those it knows. */
  knows(servers: readonly ServerId[]): boolean {
    return this.#parts.plan.servers.some((server) => servers.includes(server));
  }

  /** Whether an operation of it has no outcome yet. */
  get isBusy(): boolean {
    return this.#inProgress > 0;
  }

  start(): void {
    this.#work().catch(this.#unexpected);
  }

  /** Begins nothing new. */
  stop(): void {
    this.#isStopped = true;
  }

  async #work(): Promise<void> {
    const { plan, world } = this.#parts;
    for (const planned of plan.requests) {
      await new Promise<void>((resolve) => world.time.after(planned.afterMs, resolve));
      if (this.#isStopped) return;
      const performed = this.#perform(planned);
      if (planned.alongside === true) performed.catch(this.#unexpected);
      else await performed;
    }
  }

  async #perform(planned: PlannedRequest): Promise<void> {
    const { load } = this.#parts.world;
    this.#inProgress++;
    load.peak('operations of a client at a time', this.#inProgress);
    if (this.#inProgress > 1) load.count('operation beside others of its client');
    try {
      if (planned.op === 'status') await this.#askStatus();
      else {
        this.performed++;
        const request = this.#requestOf(planned);
        if (planned.unsessioned === true && isWrite(request)) await this.#writeOnce(request);
        else await this.#operate(planned, request);
      }
    } finally {
      this.#inProgress--;
    }
  }

  /** What the answer says is looked at where it is given. */
  async #askStatus(): Promise<void> {
    try {
      await this.#client.status();
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
    }
  }

  async #operate(planned: PlannedOperation, request: Request): Promise<void> {
    const { plan, world } = this.#parts;
    const begun = this.#link.begin();
    const abort = new AbortController();
    if (planned.cancelAfterMs !== undefined)
      world.time.after(planned.cancelAfterMs, () => {
        abort.abort();
      });
    const broadcast = isWrite(request) ? plan.broadcast : (plan.broadcastReads ?? false);
    if (broadcast) world.load.count(isWrite(request) ? 'write to all servers' : 'read from all servers');
    try {
      const options = { broadcast, signal: abort.signal };
      this.#remember(request, await this.#recording.attempt(request, options));
      this.succeeded++;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const isForgotten = isWrite(request) && FORGOTTEN.includes(error.code);
      if (isForgotten) this.forgotten++;
      if (abort.signal.aborted) world.load.count('operation cancelled');
      else if (plan.deadlineMs === PATIENT_MS && !isForgotten)
        world.observer.fail('no progress', `${this.name} got no answer but "${error.message}"`);
      if (isWrite(request) && error.definite) this.#link.refuse(begun, writeOf(request));
    }
  }

  /** As somebody does who calls the API without client and sequence, and so must not ask twice. */
  async #writeOnce(request: WriteRequest): Promise<void> {
    const { plan, recorder } = this.#parts;
    const [server = 0] = plan.servers;
    const id = recorder.invoke(`${this.name} once`, request);
    const begun = this.#link.begin();
    const write = writeOf(request);
    const { method, ...params } = write;
    try {
      const answer = await this.#link.call(String(server), method, params, plan.attemptTimeoutMs);
      recorder.ok(id, answer as Response, String(server));
      this.#remember(request, answer as Response);
      this.succeeded++;
    } catch (error) {
      if (!(error instanceof AttemptFailed)) throw error;
      if (error.definite) this.#link.refuse(begun, write);
      recorder[error.definite ? 'fail' : 'unknown'](id, error.message);
    }
  }

  #requestOf(planned: PlannedOperation): Request {
    const value = planned.empty === true ? '' : `${this.name}:${++this.#values}`;
    switch (planned.op) {
      case 'get':
        return { op: 'get', key: planned.key, read: planned.read };
      case 'put':
        return { op: 'put', key: planned.key, value };
      case 'delete':
        return { op: 'delete', key: planned.key };
      case 'compareAndSet': {
        const { key, deletes } = planned;
        const expect = planned.expect === 'seen' ? (this.#seen.get(key) ?? null) : null;
        return { op: 'compareAndSet', key, expect, value: deletes ? null : value };
      }
      case 'list':
        return {
          op: 'list',
          prefix: planned.prefix,
          after: planned.after,
          limit: planned.limit,
          read: planned.read,
        };
    }
  }

  #remember(request: Request, response: Response): void {
    if (request.op === 'list') return;
    if (request.op === 'get') this.#seen.set(request.key, response.value ?? null);
    else if (request.op === 'put') this.#seen.set(request.key, request.value);
    else if (request.op === 'delete') this.#seen.set(request.key, null);
    else if (response.swapped === true) this.#seen.set(request.key, request.value);
    else this.#seen.set(request.key, response.actual ?? null);
  }

  readonly #unexpected = (error: unknown): void => {
    this.#parts.world.observer.unexpected(this.#parts.index, error);
  };
}

function isWrite(request: Request): request is WriteRequest {
  return request.op !== 'get' && request.op !== 'list';
}

function writeOf({ op, ...params }: WriteRequest): ClientWrite {
  return { method: `kv.${op}`, ...params };
}
