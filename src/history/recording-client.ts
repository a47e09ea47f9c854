import type { CallOptions, SynodClient } from '../client/client';
import type { Request, Response } from './history';
import type { Recorder } from './recorder';

/**
 * Performs requests by a client and records them. The server of an answer is known because a client that does one
 * operation at a time stays with the server that answered last. Of operations that overlap it is left out; a client that
 * broadcasts by default must not be used.
 */
export class RecordingClient {
  readonly #client: SynodClient;
  readonly #recorder: Recorder;
  readonly #name: string;
  #lives = 1;
  #begun = 0;
  #inProgress = 0;

  constructor(name: string, client: SynodClient, recorder: Recorder) {
    this.#name = name;
    this.#client = client;
    this.#recorder = recorder;
  }

  /** Resolves with the answer, or undefined when there is none; never rejects for what a server or network may do. */
  async perform(request: Request, options: CallOptions = {}): Promise<Response | undefined> {
    try {
      return await this.attempt(request, options);
    } catch (error) {
      if ((error as { definite?: boolean }).definite === undefined) throw error;
      return undefined;
    }
  }

  /** As `perform`, but rejects with a ClientError when there is no answer. */
  attempt(request: Request, options: CallOptions = {}): Promise<Response> {
    const send = (): Promise<Response> => this.#send(request, options);
    return this.record(request, send, (response) => response, options);
  }

  /** Records a request that `act` carries out by the same client. Ends as `act` does. */
  async record<Result>(
    request: Request,
    act: () => Promise<Result>,
    responseOf: (result: Result) => Response,
    { broadcast = false }: CallOptions = {},
  ): Promise<Result> {
    const id = this.#recorder.invoke(`${this.#name}.${this.#lives}`, request);
    const isFirst = this.#inProgress++ === 0;
    const begun = ++this.#begun;
    let result: Result;
    try {
      result = await act();
    } catch (error) {
      const { definite, message } = error as Error & { definite?: boolean };
      if (definite === undefined) throw error;
      // A read has no effect in any case.
      if (definite || request.op === 'get' || request.op === 'list') this.#recorder.fail(id, message);
      else {
        this.#recorder.unknown(id, message);
        // The write may still be on its way: what this client does next overlaps with it.
        this.#lives++;
      }
      throw error;
    } finally {
      this.#inProgress--;
    }
    const isAlone = isFirst && this.#begun === begun;
    const server = broadcast ? undefined : this.#client.server;
    this.#recorder.ok(id, responseOf(result), isAlone ? server : undefined);
    return result;
  }

  async #send(request: Request, options: CallOptions): Promise<Response> {
    switch (request.op) {
      case 'get': {
        const { found, value, applied } = await this.#client.get(request.key, {
          ...options,
          read: request.read,
        });
        return { value: found ? (value ?? null) : null, applied };
      }
      case 'put':
        return this.#client.put(request.key, request.value, options);
      case 'delete':
        return this.#client.delete(request.key, options);
      case 'compareAndSet':
        return this.#client.compareAndSet(request.key, request, options);
      case 'list': {
        const { prefix, after, limit, read } = request;
        return this.#client.list({ ...options, prefix, after, limit, read });
      }
    }
  }
}
