import { setTimeout as sleep } from 'node:timers/promises';
import type { Arrivals } from './arrivals';
import { closingOnAbort, PAUSE_MS, type LoadPlan } from './closed-loop';
import type { Connection } from './system';
import { Tally, type LoadResult } from './tally';

export interface OpenLoopPlan extends LoadPlan {
  readonly arrivals: Arrivals;
  /** So long after the last arrival answers are waited for. */
  readonly drainMs: number;
}

const LONGEST_SLEEP_MS = 100;

interface Client {
  readonly connection: Connection;
  /** When the operations that nobody has sent yet were due; the first `taken` of them are gone. */
  due: number[];
  taken: number;
  /** Due times of each request in flight. */
  readonly inFlight: Set<readonly number[]>;
}

/**
 * Operations arrive when the schedule says so, at one client after another, whatever became of the earlier ones. Latency
 * counts from the time at which an operation was due, so that a server that stalls is charged for everybody who had to
 * wait (no coordinated omission).
 */
export async function openLoop(plan: OpenLoopPlan): Promise<LoadResult> {
  const loop = new OpenLoop(plan);
  await closingOnAbort(plan, () => loop.run());
  return loop.result();
}

class OpenLoop {
  readonly #plan: OpenLoopPlan;
  readonly #tally = new Tally();
  readonly #clients: readonly Client[];
  #unfinished = 0;
  #isOver = false;
  #onIdle: () => void = () => undefined;

  constructor(plan: OpenLoopPlan) {
    this.#plan = plan;
    this.#clients = plan.connections.map((connection) => ({
      connection,
      due: [],
      taken: 0,
      inFlight: new Set(),
    }));
  }

  async run(): Promise<void> {
    await this.#arrive();
    if (this.#unfinished > 0 && !this.#plan.signal.aborted) await this.#drain();
    this.#isOver = true;
    for (const { due, taken, inFlight } of this.#clients)
      for (const waiting of [...inFlight, due.slice(taken)])
        this.#tally.unanswered(waiting, `not answered within ${this.#plan.drainMs} ms of the end`);
  }

  result(): LoadResult {
    return this.#tally.result();
  }

  async #arrive(): Promise<void> {
    const { arrivals, durationMs, signal } = this.#plan;
    const { startedAtMs } = this.#tally;
    let turn = 0;
    for (let dueMs = arrivals.next(); dueMs < durationMs && !signal.aborted;) {
      const nowMs = performance.now() - startedAtMs;
      if (dueMs > nowMs) {
        await sleep(Math.min(dueMs - nowMs, LONGEST_SLEEP_MS));
        continue;
      }
      this.#tally.late(nowMs - dueMs);
      const client = this.#clients[turn++ % this.#clients.length];
      if (client === undefined) return;
      client.due.push(startedAtMs + dueMs);
      this.#unfinished++;
      this.#pump(client);
      dueMs = arrivals.next();
    }
  }

  /** Sends what waits, as far as this client may have more in flight. */
  #pump(client: Client): void {
    const { lanes, batch, signal } = this.#plan;
    const mayGoOn = !this.#isOver && !signal.aborted;
    while (mayGoOn && client.taken < client.due.length && client.inFlight.size < lanes) {
      const since = client.due.slice(client.taken, client.taken + batch);
      client.taken += since.length;
      if (client.taken === client.due.length) {
        client.due = [];
        client.taken = 0;
      }
      client.inFlight.add(since);
      void this.#exchange(client, since);
    }
  }

  async #exchange(client: Client, since: readonly number[]): Promise<void> {
    try {
      const refusal = await client.connection.send(since.map(() => this.#plan.next()));
      if (this.#isOver) return;
      this.#tally.answered(since, refusal);
    } catch (error) {
      if (this.#isOver) return;
      this.#tally.unanswered(since, (error as Error).message);
      await sleep(this.#plan.signal.aborted ? 0 : PAUSE_MS);
    }
    client.inFlight.delete(since);
    this.#unfinished -= since.length;
    this.#pump(client);
    if (this.#unfinished === 0) this.#onIdle();
  }

  async #drain(): Promise<void> {
    const { drainMs, signal } = this.#plan;
    const giveUp = new AbortController();
    this.#onIdle = () => {
      giveUp.abort();
    };
    await sleep(drainMs, undefined, { signal: AbortSignal.any([signal, giveUp.signal]) }).catch(
      () => undefined,
    );
  }
}
