import type { ApiMethod } from '../api/methods';
import type { ClientEnvironment } from './environment';
import { AttemptFailed, InvalidArgument } from './errors';
import { Ledger } from './ledger';
import type { Rotation } from './rotation';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/** What one operation is to do, and how hard it tries. */
export interface Task<Result> {
  readonly method: ApiMethod;
  /** Sent unchanged with each attempt: what makes a write exactly-once is in it. */
  readonly params: object;
  readonly write: boolean;
  /** Validates a server's answer. Throws when it is not one. */
  readonly parse: (answer: unknown) => Result;
  /** On `clock.now()`. */
  readonly deadline: number;
  readonly attemptTimeoutMs: number;
  readonly broadcast: boolean;
  readonly signal: AbortSignal;
  /** Hears each session epoch that a server tells with its refusal. */
  readonly onEpoch?: ((epoch: number) => void) | undefined;
}

interface Answer<Result> {
  readonly result: Result;
}

/** One operation: attempts at one server after the other, or at all at once, until an answer, a refusal or the deadline. */
export class Operation<Result> {
  readonly #environment: ClientEnvironment;
  readonly #rotation: Rotation;
  readonly #task: Task<Result>;
  readonly #ledger: Ledger;
  readonly #startedAt: number;
  /** What waits, and is to stop waiting when the operation is cancelled. */
  readonly #waiting = new Set<() => void>();
  #refused = false;

  constructor(environment: ClientEnvironment, rotation: Rotation, task: Task<Result>) {
    this.#environment = environment;
    this.#rotation = rotation;
    this.#task = task;
    this.#ledger = new Ledger(task.write);
    this.#startedAt = environment.clock.now();
  }

  /** Rejects with a ClientError, by the deadline at the latest. */
  run(): Promise<Result> {
    return this.#untilCancelled(async () => {
      for (let round = 0; ; round++) {
        if (round > 0) await this.#pause(round);
        if (!this.#mayTry()) return undefined;
        const answer = this.#task.broadcast ? await this.#askAll() : await this.#askInTurn();
        if (answer !== undefined || !this.#mayTry()) return answer;
      }
    });
  }

  /** One attempt at this server only. Rejects with a ClientError. */
  runAt(server: string): Promise<Result> {
    return this.#untilCancelled(() => this.#attempt(server));
  }

  async #untilCancelled(work: () => Promise<Answer<Result> | undefined>): Promise<Result> {
    const { signal } = this.#task;
    const stopWaiting = (): void => {
      for (const stop of [...this.#waiting]) stop();
    };
    signal.addEventListener('abort', stopWaiting);
    try {
      const answer = await work();
      if (answer !== undefined) return answer.result;
    } finally {
      signal.removeEventListener('abort', stopWaiting);
    }
    throw this.#ledger.verdict(this.#why(), signal.aborted);
  }

  async #askInTurn(): Promise<Answer<Result> | undefined> {
    for (const server of this.#rotation.fromCurrent()) {
      if (!this.#mayTry()) return undefined;
      const answer = await this.#attempt(server);
      if (answer !== undefined) return answer;
      this.#rotation.leave(server);
    }
    return undefined;
  }

  #askAll(): Promise<Answer<Result> | undefined> {
    return new Promise((resolve, reject) => {
      const attempts = this.#rotation.fromCurrent().map(async (server) => {
        const answer = await this.#attempt(server);
        if (answer !== undefined) resolve(answer);
      });
      Promise.all(attempts).then(() => {
        resolve(undefined);
      }, reject);
    });
  }

  /** One request. Undefined: it failed, and the ledger has it. */
  async #attempt(server: string): Promise<Answer<Result> | undefined> {
    const { clock } = this.#environment;
    const startedAt = clock.now();
    const timeoutMs = this.#nextTimeoutMs();
    try {
      const { method, params } = this.#task;
      const call = this.#environment.call(server, method, params, timeoutMs);
      return { result: this.#task.parse(await this.#bounded(call, timeoutMs)) };
    } catch (error) {
      if (error instanceof InvalidArgument) throw error;
      const failure = asAttemptFailed(error);
      this.#ledger.record(server, failure, clock.now() - startedAt);
      if (!failure.retry) this.#refused = true;
      if (failure.epoch !== undefined) this.#task.onEpoch?.(failure.epoch);
      return undefined;
    }
  }

  /** Ends a call that outlives its time limit or the caller's patience, whatever the environment does. */
  #bounded(call: Promise<unknown>, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        cancelTimer();
        this.#waiting.delete(onCancel);
        act();
      };
      const giveUp = (message: string): void => {
        settle(() => {
          reject(new AttemptFailed(message, { definite: false, retry: true }));
        });
      };
      const onCancel = (): void => {
        giveUp('given up before an answer');
      };
      const cancelTimer = this.#environment.clock.after(timeoutMs, () => {
        giveUp(`no answer within ${Math.ceil(timeoutMs)} ms`);
      });
      this.#waiting.add(onCancel);
      call.then(
        (answer) => {
          settle(() => {
            resolve(answer);
          });
        },
        (error: unknown) => {
          settle(() => {
            reject(error instanceof Error ? error : new Error(String(error)));
          });
        },
      );
    });
  }

  /** Waits, longer after each full round, so that a struggling cluster is not pressed harder. */
  async #pause(round: number): Promise<void> {
    const { clock, random } = this.#environment;
    const longestMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (round - 1));
    const pauseMs = Math.min(longestMs * (0.5 + random.float() / 2), Math.max(0, this.#leftMs()));
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        cancelTimer();
        this.#waiting.delete(wake);
        resolve();
      };
      const cancelTimer = clock.after(pauseMs, wake);
      this.#waiting.add(wake);
    });
  }

  #mayTry(): boolean {
    if (this.#refused || this.#task.signal.aborted) return false;
    const timeoutMs = this.#nextTimeoutMs();
    return timeoutMs === this.#task.attemptTimeoutMs || this.#ledger.worthwhile(timeoutMs);
  }

  #leftMs(): number {
    return this.#task.deadline - this.#environment.clock.now();
  }

  #nextTimeoutMs(): number {
    return Math.max(0, Math.min(this.#task.attemptTimeoutMs, this.#leftMs()));
  }

  #why(): string {
    if (this.#task.signal.aborted) return 'stopped by the caller';
    if (this.#refused) return 'refused';
    return `no success within ${Math.round(this.#environment.clock.now() - this.#startedAt)} ms`;
  }
}

function asAttemptFailed(error: unknown): AttemptFailed {
  if (error instanceof AttemptFailed) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new AttemptFailed(message, { definite: false, retry: true }, { cause: error });
}
