import { API_ERRORS } from '../api/errors';
import type { ApiMethod, ApiResult } from '../api/methods';
import type { ClientEnvironment } from '../client/environment';
import { AttemptFailed, answeredError, type ApiFailure } from '../client/errors';
import type { Random } from '../core/environment';
import { commandOf, textOf, type ClientWrite } from './client-writes';
import type { Message } from './network';
import type { Node } from './node';
import type { Oracle } from './oracle';
import { FIRST_CLIENT, type Place } from './virtual-time';
import type { World } from './world';

const LATENCY_MS = 0.5;
/** How long after its answer a write is sent once more, at most. */
const ECHO_MS = 3000;
/** How long a request is held up on its way, at most. */
const HELD_UP_MS = 4000;

/** So many others wrote while an answer was outstanding that nobody knows any more. */
export const FORGOTTEN: readonly number[] = [API_ERRORS.staleSequence.code, API_ERRORS.staleEpoch.code];

type Answer = { readonly result: unknown } | { readonly error: ApiFailure };

/** A client's connections to the servers, in place of HTTP: requests are lost or late, and connections break; but nothing is doubled. */
export class ClientLink implements ClientEnvironment {
  readonly clock: ClientEnvironment['clock'];
  readonly random: Random;
  readonly place: Place;
  readonly #world: World;
  readonly #nodes: readonly Node[];
  readonly #oracle: Oracle;
  readonly #echo: number;
  readonly #echoes: Random;
  readonly #heldUp: number;
  readonly #hold: Random;
  /** In the order in which they were sent first. */
  readonly #writes: ClientWrite[] = [];
  #highestSequence = 0;

  constructor(parts: {
    world: World;
    nodes: readonly Node[];
    oracle: Oracle;
    index: number;
    /** Chance for a write to be sent again after it was answered. */
    echo: number;
    /** Chance for a request to be held up on its way. */
    heldUp: number;
  }) {
    const { time, random } = parts.world;
    this.#world = parts.world;
    this.#nodes = parts.nodes;
    this.#oracle = parts.oracle;
    this.place = FIRST_CLIENT + parts.index;
    this.#echo = parts.echo;
    this.#heldUp = parts.heldUp;
    this.#hold = random.fork(`hold-ups of client ${parts.index}`);
    this.random = random.fork(`client ${parts.index}`);
    this.#echoes = random.fork(`echoes of client ${parts.index}`);
    this.clock = {
      now: () => time.now,
      after: (delayMs, run) => time.after(delayMs, run),
      sleep: (delayMs) => new Promise((resolve) => time.after(delayMs, resolve)),
    };
  }

  async call(server: string, method: ApiMethod, params: object, timeoutMs: number): Promise<unknown> {
    const to = Number(server);
    const write = isWrite(method) ? ({ method, ...params } as ClientWrite) : undefined;
    if (write !== undefined) {
      this.#oracle.invoked(write);
      this.#note(write);
    }
    const answer = await this.#ask(to, method, params, timeoutMs, write);
    if (write?.sequence !== undefined && this.#echoes.chance(this.#echo))
      this.#sendAgain(to, method, params, timeoutMs, write);
    return answer;
  }

  /** One request, and what the oracle says to its answer. */
  async #ask(
    to: Place,
    method: ApiMethod,
    params: object,
    timeoutMs: number,
    write: ClientWrite | undefined,
  ): Promise<unknown> {
    const acknowledged = this.#oracle.acknowledgedSlot;
    const answer = await this.#exchange(to, method, params, timeoutMs);
    if ('error' in answer) {
      if (write !== undefined && FORGOTTEN.includes(answer.error.code)) this.#oracle.forgotten(write);
      throw answeredError(answer.error);
    }
    if (write !== undefined) this.#oracle.acknowledge(write, answer.result as ApiResult<'kv.put'>);
    else if (method === 'kv.get')
      this.#oracle.shown(params as { key: string }, answer.result as ApiResult<'kv.get'>, acknowledged);
    else if (method === 'kv.list')
      this.#oracle.listed(params, answer.result as ApiResult<'kv.list'>, acknowledged);
    return answer.result;
  }

  /** The client begins an operation. Gives the number of writes that it has sent before. */
  begin(): number {
    return this.#writes.length;
  }

  /** The client takes it that this write, begun when it had sent so many others, surely has no effect. */
  refuse(begun: number, write: ClientWrite): void {
    const text = textOf(commandOf(write));
    const alike = this.#writes.slice(begun).filter((sent) => textOf(commandOf(sent)) === text);
    const [sent] = alike;
    // Of equal writes that were begun together nobody here knows which one it is.
    if (sent !== undefined && alike.length === 1) this.#oracle.refused(sent);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #note(write: ClientWrite): void {
    const { load } = this.#world;
    if (write.sequence === undefined) load.count('write without a session');
    else if (write.sequence <= this.#highestSequence) return;
    this.#highestSequence = Math.max(this.#highestSequence, write.sequence ?? 0);
    if (write.value === '') load.count('write of an empty value');
    this.#writes.push(write);
  }

  /** As a retry does that was slow on its way: the write must not take effect twice, and its result is the first one. */
  #sendAgain(first: Place, method: ApiMethod, params: object, timeoutMs: number, write: ClientWrite): void {
    const to = (first + this.#echoes.int(0, this.#nodes.length - 1)) % this.#nodes.length;
    this.#world.time.after(this.#echoes.float() * ECHO_MS, () => {
      this.#ask(to, method, params, timeoutMs, write).catch((error: unknown) => {
        if (!(error instanceof AttemptFailed)) this.#world.observer.unexpected(this.place, error);
      });
    });
  }

  #exchange(to: Place, method: ApiMethod, params: object, timeoutMs: number): Promise<Answer> {
    const { time, network } = this.#world;
    const node = this.#nodes[to];
    if (node === undefined) throw new RangeError(`no server ${to}`);
    const wire = JSON.stringify(params);
    const request: Message = { from: this.place, to, kind: 'request', method, params };
    const reply: Message = { ...request, from: to, to: this.place, kind: 'reply' };
    return new Promise((resolve, reject) => {
      const end = (act: () => void): void => {
        cancelTimeout();
        forget();
        act();
      };
      const failAfter = (delayMs: number, message: string, definite: boolean): void => {
        time.after(delayMs, () => {
          end(() => {
            reject(new AttemptFailed(message, { definite, retry: true }));
          });
        });
      };
      const cancelTimeout = time.after(timeoutMs, () => {
        end(() => {
          reject(new AttemptFailed('no answer in time', { definite: false, retry: true }));
        });
      });
      let forget = (): void => undefined;
      const arrive = (): void => {
        this.#arrived(params);
        if (!node.isUp) {
          failAfter(LATENCY_MS, 'connection refused', true);
          return;
        }
        forget = node.onCrash(() => {
          failAfter(LATENCY_MS, 'connection lost', false);
        });
        void node.call(method, JSON.parse(wire)).then((text) => {
          network.send(reply, () => {
            end(() => {
              resolve(JSON.parse(text) as Answer);
            });
          });
          if (node.host.disk.hasUnsynced) node.host.onPoint('client-answered');
        });
      };
      this.#send(request, arrive);
    });
  }

  #send(request: Message, arrive: () => void): void {
    const { time, network, load } = this.#world;
    if (!this.#hold.chance(this.#heldUp)) {
      network.send(request, arrive);
      return;
    }
    load.count('request held up');
    time.after(this.#hold.float() * HELD_UP_MS, () => {
      network.send(request, arrive);
    });
  }

  #arrived({ sequence }: Partial<ClientWrite>): void {
    if (sequence !== undefined)
      this.#world.load.peak(
        'writes of a client from one that arrives to its newest',
        this.#highestSequence - sequence + 1,
      );
  }
}

function isWrite(method: ApiMethod): boolean {
  return method === 'kv.put' || method === 'kv.delete' || method === 'kv.compareAndSet';
}
