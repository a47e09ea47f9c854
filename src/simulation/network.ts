import type { CallOptions, Dispatch } from '../core/environment';
import { CallError } from '../core/errors';
import { laneOf, type ConnectionLane } from './lanes';
import type { Place, Scheduler } from './virtual-time';

/** One message on its way. A reply carries the parameters of its request too, so that a rule can tell what it answers. */
export interface Message {
  readonly from: Place;
  readonly to: Place;
  readonly kind: 'request' | 'reply';
  readonly method: string;
  /** Between servers: by which of their connections it travels. */
  readonly lane?: ConnectionLane | undefined;
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

/** What the network asks of the machines at its ends. */
export interface Machines {
  /** Runs it when the machine at `place` runs, which may be later, or never. */
  gate(place: Place, run: () => void): void;
  /** Hears of whatever a service throws beyond what its callers may provoke. */
  unexpected(place: Place, error: unknown): void;
  /** Sees each answer of a server to another one, as it leaves. */
  answered?(from: Place, method: string, params: unknown, answer: string): void;
}

/** A network that carries text only, and whose every message, request and reply apart, can be directed by a rule. */
export class Network {
  readonly #scheduler: Scheduler;
  readonly #machines: Machines;
  readonly #listeners = new Map<Place, Dispatch>();
  #held: Held[] = [];
  rule: Rule = HEALTHY;
  sent = 0;
  dropped = 0;
  duplicated = 0;

  constructor(scheduler: Scheduler, machines: Machines) {
    this.#scheduler = scheduler;
    this.#machines = machines;
  }

  listen(place: Place, dispatch: Dispatch): void {
    this.#listeners.set(place, dispatch);
  }

  /** The server takes no more messages. Those it sent are still on their way. */
  detach(place: Place): void {
    this.#listeners.delete(place);
  }

  /**
   * A call between servers: rejects with CallError when there is no answer in time. Before it settles, `isWanted` is
   * asked whether the caller still runs; if not, it never does.
   */
  call(
    from: Place,
    to: Place,
    method: string,
    params: unknown,
    { timeoutMs, lane: wished = 'vote' }: Pick<CallOptions, 'timeoutMs'> & Partial<CallOptions>,
    isWanted: () => boolean = () => true,
  ): Promise<unknown> {
    const wire = JSON.stringify(params);
    const lane = laneOf(wished);
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => {
        if (isWanted()) reject(new CallError(reason));
      };
      const cancel = this.#scheduler.after(
        timeoutMs,
        () => {
          this.#machines.gate(from, () => {
            fail(`${method} got no answer`);
          });
        },
        'timer',
        from,
      );
      const request: Message = {
        ...{ from, to, kind: 'request', method, lane },
        params: params as Message['params'],
      };
      const answer = (result: string): void => {
        this.#machines.answered?.(to, method, params, result);
        this.send({ ...request, from: to, to: from, kind: 'reply' }, () => {
          cancel();
          if (isWanted()) resolve(JSON.parse(result));
        });
      };
      this.send(request, () => {
        this.#serve(to, method, wire, answer, (refusal) => {
          cancel();
          fail(String(refusal));
        });
      });
    });
  }

  /** Sends one message, as the rule has it; `deliver` runs where it arrives, as often as it does. */
  send(message: Message, deliver: () => void): void {
    this.sent++;
    const fate = this.rule(message);
    if (fate === 'hold') this.#held.push({ message, deliver });
    else if (fate === 'drop') this.dropped++;
    else {
      const delaysMs = fate === 'deliver' ? [LATENCY_MS] : fate.delaysMs;
      if (delaysMs.length > 1) this.duplicated++;
      for (const delayMs of delaysMs) this.#deliverAfter(delayMs, message, deliver);
    }
  }

  /** Delivers the held messages that match. */
  release(matches: (message: Message) => boolean = () => true): number {
    const due = this.#held.filter(({ message }) => matches(message));
    this.#held = this.#held.filter((held) => !due.includes(held));
    for (const { message, deliver } of due) this.#deliverAfter(LATENCY_MS, message, deliver);
    return due.length;
  }

  #deliverAfter(delayMs: number, { to }: Message, deliver: () => void): void {
    this.#scheduler.after(
      delayMs,
      () => {
        this.#machines.gate(to, deliver);
      },
      'message',
      to,
    );
  }

  /** Has the call answered, with a text, unless the server is down, keeps silent, or crashes before. */
  #serve(
    place: Place,
    method: string,
    wire: string,
    answer: (result: string) => void,
    refuse: (error: unknown) => void,
  ): void {
    const dispatch = this.#listeners.get(place);
    if (dispatch === undefined) return;
    dispatch(method, JSON.parse(wire)).then(
      (result) => {
        // Whoever crashed meanwhile says nothing any more.
        if (this.#listeners.get(place) === dispatch) answer(JSON.stringify(result));
      },
      (error: unknown) => {
        const { name } = error as Error;
        if (name === 'CallRefused') refuse(error);
        else if (name !== 'Unanswered') this.#machines.unexpected(place, error);
      },
    );
  }
}
