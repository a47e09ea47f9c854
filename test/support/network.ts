import type { ServerId } from '../../src/core/ballot';
import type { CallOptions, Dispatch } from '../../src/core/environment';
import { CallError } from '../../src/core/errors';
import type { VirtualTime } from './virtual-time';

/** One message on its way. A reply carries the parameters of its request too, so that a rule can tell what it answers. */
export interface Message {
  readonly from: ServerId;
  readonly to: ServerId;
  readonly kind: 'request' | 'reply';
  readonly method: string;
  /** Rules look into the slot, of methods that have one. */
  readonly params: { readonly slot?: number };
}

/** `hold` keeps the message until it is released; several delays deliver as many copies. */
export type Fate = 'deliver' | 'drop' | 'hold' | { readonly delaysMs: readonly number[] };
export type Rule = (message: Message) => Fate;

export const LATENCY_MS = 1;

/** Delivers everything. */
export const HEALTHY: Rule = () => 'deliver';

interface Held {
  readonly message: Message;
  readonly deliver: () => void;
}

/** A network that carries text only, and whose every message, request and reply apart, can be directed by a rule. */
export class Network {
  readonly #time: VirtualTime;
  readonly #onUnexpected: (server: ServerId, error: unknown) => void;
  readonly #listeners = new Map<ServerId, Dispatch>();
  #held: Held[] = [];
  rule: Rule = HEALTHY;
  sent = 0;
  dropped = 0;
  duplicated = 0;

  /** `onUnexpected` hears of whatever a service throws beyond what its callers may provoke. */
  constructor(time: VirtualTime, onUnexpected: (server: ServerId, error: unknown) => void) {
    this.#time = time;
    this.#onUnexpected = onUnexpected;
  }

  listen(server: ServerId, dispatch: Dispatch): void {
    this.#listeners.set(server, dispatch);
  }

  /** The server takes no more messages. Those it sent are still on their way. */
  detach(server: ServerId): void {
    this.#listeners.delete(server);
  }

  call(
    from: ServerId,
    to: ServerId,
    method: string,
    params: unknown,
    { timeoutMs }: CallOptions,
  ): Promise<unknown> {
    const wire = JSON.stringify(params);
    return new Promise((resolve, reject) => {
      const cancel = this.#time.after(timeoutMs, () => {
        reject(new CallError(`${method} got no answer`));
      });
      const request: Message = {
        from,
        to,
        kind: 'request',
        method,
        params: JSON.parse(wire) as Message['params'],
      };
      this.#send(request, () => {
        this.#serve(to, method, JSON.parse(wire)).then(
          (result) => {
            if (result === undefined) return;
            this.#send({ ...request, from: to, to: from, kind: 'reply' }, () => {
              cancel();
              resolve(JSON.parse(result));
            });
          },
          (error: unknown) => {
            cancel();
            reject(new CallError(String(error)));
          },
        );
      });
    });
  }

  /** Delivers the held messages that match. */
  release(matches: (message: Message) => boolean = () => true): number {
    const due = this.#held.filter(({ message }) => matches(message));
    this.#held = this.#held.filter((held) => !due.includes(held));
    for (const { deliver } of due) this.#time.after(LATENCY_MS, deliver);
    return due.length;
  }

  #send(message: Message, deliver: () => void): void {
    this.sent++;
    const fate = this.rule(message);
    if (fate === 'hold') this.#held.push({ message, deliver });
    else if (fate === 'drop') this.dropped++;
    else {
      const delaysMs = fate === 'deliver' ? [LATENCY_MS] : fate.delaysMs;
      if (delaysMs.length > 1) this.duplicated++;
      for (const delayMs of delaysMs) this.#time.after(delayMs, deliver);
    }
  }

  /** The answer as text. Undefined: there is none, because the server is down or kept silent. */
  async #serve(server: ServerId, method: string, params: unknown): Promise<string | undefined> {
    const dispatch = this.#listeners.get(server);
    if (dispatch === undefined) return undefined;
    try {
      return JSON.stringify(await dispatch(method, params));
    } catch (error) {
      const name = (error as Error).name;
      if (name === 'CallRefused') throw error;
      if (name !== 'Unanswered') this.#onUnexpected(server, error);
      return undefined;
    }
  }
}
