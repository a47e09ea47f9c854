import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';

/** Nearly all that a simulation allocates is soon garbage: with more room for it, less is copied about. */
const LIMITS = { maxYoungGenerationSizeMb: 192 };
/** A thread says that it lives once a second, unless what it runs gives nothing else a turn. */
const SILENT_MS = 60_000;

/** A worker thread that answers questions, and is ended when it spins: another one takes its place. */
export class Thread {
  readonly #file: string;
  readonly #workerData: unknown;
  readonly #silentMs: number;
  #worker: Worker;

  /** The file is beside this one, or has a full path. */
  constructor(file: string, workerData: unknown, silentMs = SILENT_MS) {
    this.#file = resolve(__dirname, file);
    this.#workerData = workerData;
    this.#silentMs = silentMs;
    this.#worker = this.#start();
  }

  /**
   * Sends a question and listens until `answerIn` finds the answer in what is said. Undefined: nothing was said for so
   * long that the thread must be spinning, in microtasks or in a loop.
   */
  async ask<Answer extends object>(
    question: unknown,
    answerIn: (message: unknown) => Answer | undefined,
  ): Promise<Answer | undefined> {
    const worker = this.#worker;
    const answer = await new Promise<Answer | undefined>((fulfil, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        worker.off('message', listen);
        worker.off('error', fail);
        act();
      };
      const fail = (error: Error): void => {
        settle(() => {
          reject(error);
        });
      };
      const watch = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          settle(() => {
            fulfil(undefined);
          });
        }, this.#silentMs);
      };
      const listen = (message: unknown): void => {
        watch();
        const found = message === ALIVE ? undefined : answerIn(message);
        if (found === undefined) return;
        settle(() => {
          fulfil(found);
        });
      };
      worker.on('error', fail);
      worker.on('message', listen);
      watch();
      worker.postMessage(question);
    });
    if (answer === undefined) {
      await worker.terminate();
      this.#worker = this.#start();
    }
    return answer;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #start(): Worker {
    return new Worker(this.#file, { workerData: this.#workerData, resourceLimits: LIMITS });
  }
}

/** What a thread says while it lives. */
export const ALIVE = 'alive';
/** How often. */
export const ALIVE_EVERY_MS = 1000;
