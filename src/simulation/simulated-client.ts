import type { ServerId } from '../core/ballot';
import { API_ERRORS } from '../api/errors';
import { SynodClient } from '../client/client';
import { ClientError } from '../client/errors';
import type { Request, Response } from '../history/history';
import type { Recorder } from '../history/recorder';
import { RecordingClient } from '../history/recording-client';
import { ClientLink } from './client-link';
import type { Node } from './node';
import type { Oracle } from './oracle';
import { PATIENT_MS, type PlannedClient, type PlannedRequest } from './scenario';
import type { World } from './world';

/** So many others wrote while an answer was outstanding that nobody knows any more. */
const FORGOTTEN: readonly number[] = [API_ERRORS.staleSequence.code, API_ERRORS.staleEpoch.code];

export interface ClientParts {
  readonly world: World;
  readonly nodes: readonly Node[];
  readonly oracle: Oracle;
  readonly recorder: Recorder;
  readonly index: number;
  readonly plan: PlannedClient;
}

/** The shipped client, and somebody who uses it as planned: one operation after the other. */
export class SimulatedClient {
  readonly name: string;
  readonly #parts: ClientParts;
  readonly #link: ClientLink;
  readonly #recording: RecordingClient;
  /** What this client saw last of each key. */
  readonly #seen = new Map<string, string | null>();
  #values = 0;
  #isStopped = false;
  #isBusy = false;
  succeeded = 0;
  performed = 0;

  constructor(parts: ClientParts) {
    const { world, nodes, oracle, recorder, index, plan } = parts;
    this.name = `c${index}`;
    this.#parts = parts;
    this.#link = new ClientLink({ world, nodes, oracle, index, echo: plan.echo });
    const client = new SynodClient(this.#link, {
      servers: plan.servers.map(String),
      id: this.name,
      deadlineMs: plan.deadlineMs,
      attemptTimeoutMs: plan.attemptTimeoutMs,
      broadcast: false,
      followLeader: false,
    });
    this.#recording = new RecordingClient(this.name, client, recorder);
  }

  /** Whether one of these servers is among those it knows. */
  knows(servers: readonly ServerId[]): boolean {
    return this.#parts.plan.servers.some((server) => servers.includes(server));
  }

  /** Whether an operation of it has no outcome yet. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  start(): void {
    this.#work().catch((error: unknown) => {
      this.#parts.world.observer.unexpected(this.#parts.index, error);
    });
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
      await this.#perform(planned);
    }
  }

  async #perform(planned: PlannedRequest): Promise<void> {
    const request = this.#requestOf(planned);
    const isWrite = request.op !== 'get' && request.op !== 'list';
    this.#link.begin();
    this.#isBusy = true;
    this.performed++;
    try {
      const broadcast = isWrite && this.#parts.plan.broadcast;
      this.#remember(request, await this.#recording.attempt(request, { broadcast }));
      this.succeeded++;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const { plan, world } = this.#parts;
      const isForgotten = FORGOTTEN.includes(error.code);
      if (plan.deadlineMs === PATIENT_MS && !isForgotten)
        world.observer.fail('no progress', `${this.name} got no answer but "${error.message}"`);
      if (isWrite && error.definite) this.#link.refuseLast();
    }
    this.#isBusy = false;
  }

  #requestOf(planned: PlannedRequest): Request {
    const value = `${this.name}:${++this.#values}`;
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
}
