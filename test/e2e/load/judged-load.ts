import { setTimeout as sleep } from 'node:timers/promises';
import type { SynodClient } from '../../../src/client/client';
import { connect } from '../../../src/client/connect';
import { MixedRequests } from '../../../src/cli/client/mixed-requests';
import { SeededRandom } from '../../../src/core/random';
import type { HistoryEvent, Outcome, ReadLevel, Request } from '../../../src/history/history';
import { Recorder } from '../../../src/history/recorder';
import { RecordingClient } from '../../../src/history/recording-client';
import { waitUntil } from '../helpers/wait';

export interface JudgedPlan {
  /** `host:port` of every server that clients use. */
  readonly addresses: readonly string[];
  readonly clients: number;
  /** Repeats the requests, though not how they interleave. */
  readonly seed: number;
  /** Unique in the life of a cluster. */
  readonly name: string;
  /** Clients stay with one server each, in turn, whatever it answers; by default they fail over. */
  readonly isPinned?: boolean;
  readonly deadlineMs?: number;
  /** How many keys they share; a few by default, so that operations meet. */
  readonly keys?: number;
  /** Of a client, after each operation; none by default. */
  readonly restMs?: number;
}

/** Keys of all judged loads begin so; other audits leave them out. */
export const JUDGED_PREFIX = 'judged/';

const KEYS = 6;
const DEADLINE_MS = 10_000;
const ATTEMPT_TIMEOUT_MS = 2000;

/** An operation that ended, with the positions of its begin and end in the order of all events. */
export interface Ended {
  readonly request: Request;
  readonly outcome: Outcome;
  readonly begunAt: number;
  readonly endedAt: number;
  /** On the clock of `performance.now()`. */
  readonly endedAtMs: number;
  readonly tookMs: number;
  /** Who answered, as `host:port`; of a pinned client, who was asked. */
  readonly server: string | undefined;
}

/**
 * Clients of the real library that write and read a few shared keys, one operation at a time each, and record all of
 * it for the judge. Reads are local or linearizable by chance.
 */
export class JudgedLoad {
  readonly name: string;
  readonly events: HistoryEvent[] = [];
  readonly ended: Ended[] = [];
  readonly #begun = new Map<number, Pick<Ended, 'request' | 'begunAt' | 'server'> & { atMs: number }>();
  readonly #pins = new Map<string, string>();
  readonly #recorder: Recorder;
  readonly #plan: JudgedPlan;
  readonly #clients: readonly SynodClient[];
  readonly #running: readonly Promise<void>[];
  #isStopping = false;

  /** Starts at once. End it with stop(). */
  constructor(plan: JudgedPlan) {
    this.name = plan.name;
    this.#plan = plan;
    const startedAt = performance.now();
    this.#recorder = new Recorder(
      () => performance.now() - startedAt,
      (event) => {
        this.#take(event);
      },
    );
    this.#clients = Array.from({ length: plan.clients }, (_, number) => this.#connect(number));
    const random = new SeededRandom(plan.seed);
    this.#running = this.#clients.map((client, number) => {
      const name = `${plan.name}-${number}`;
      if (plan.isPinned === true) this.#pins.set(name, client.server);
      const mixture = {
        ...{ prefix: this.#prefix, keys: this.#keys, reads: 0.5 },
        readLevels: ['local', 'linearizable'] as const,
      };
      return this.#run(name, client, new MixedRequests(name, mixture, random.fork(`judged ${name}`)));
    });
  }

  /** The position of the next event. */
  get now(): number {
    return this.events.length;
  }

  /** Waits until so many operations that begin from now on succeed; local reads do not count. */
  async untilFurther(count: number, deadlineMs = 60_000): Promise<void> {
    const from = this.now;
    const succeeded = (): number => this.acknowledged({ from }).length;
    await waitUntil(
      () => succeeded() >= count,
      deadlineMs,
      () =>
        `${count} further operations of ${this.name}: ${succeeded()} within ${deadlineMs} ms. ${this.describe()}`,
    );
  }

  /** Writes and linearizable reads that succeeded, begun and ended between two positions, at these servers. */
  acknowledged({
    from = 0,
    to = Infinity,
    servers,
  }: { from?: number; to?: number; servers?: readonly string[] } = {}): Ended[] {
    return this.ended.filter(
      ({ outcome, request, begunAt, endedAt, server = '' }) =>
        outcome === 'ok' &&
        !('read' in request && request.read === 'local') &&
        begunAt >= from &&
        endedAt < to &&
        (servers?.includes(server) ?? true),
    );
  }

  /** The longest that an operation which succeeded took, of those that ended from this position on, in milliseconds. */
  slowestMs(from = 0): number {
    const took = this.ended.filter(({ outcome, endedAt }) => outcome === 'ok' && endedAt >= from);
    return Math.max(0, ...took.map(({ tookMs }) => tookMs));
  }

  /** Operations that did not succeed, begun at or after a position, of clients pinned to these servers. */
  refused(from: number, servers: readonly string[]): Ended[] {
    return this.ended.filter(
      ({ outcome, begunAt, server = '' }) => outcome !== 'ok' && begunAt >= from && servers.includes(server),
    );
  }

  /** Ends without finishing anything, for a test that failed. */
  async abandon(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.allSettled(this.#running);
  }

  /** Lets every client end its operation. Then each server is read once more: acknowledged writes have to show. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
    await Promise.all(this.#clients.map((client) => client.close()));
    const { addresses } = this.#plan;
    await Promise.all(addresses.map((address) => this.#readAll(address)));
  }

  describe(): string {
    const count = (outcome: Outcome): number => this.ended.filter((each) => each.outcome === outcome).length;
    return `judged: ${count('ok')} ok, ${count('fail')} failed, ${count('unknown')} unknown`;
  }

  get #keys(): number {
    return this.#plan.keys ?? KEYS;
  }

  get #prefix(): string {
    return `${JUDGED_PREFIX}${this.name}/`;
  }

  #connect(number: number): SynodClient {
    const { addresses, isPinned = false, deadlineMs = DEADLINE_MS } = this.#plan;
    const first = number % addresses.length;
    const inTurn = [...addresses.slice(first), ...addresses.slice(0, first)];
    const servers = isPinned ? inTurn.slice(0, 1) : inTurn;
    // Half of them stay where they are, so that servers that do not lead are asked too.
    const followLeader = number % 2 === 0;
    return connect({ servers, deadlineMs, attemptTimeoutMs: ATTEMPT_TIMEOUT_MS, followLeader });
  }

  async #run(name: string, client: SynodClient, requests: MixedRequests): Promise<void> {
    const recording = new RecordingClient(name, client, this.#recorder);
    while (!this.#isStopping) {
      const request = requests.next();
      const response = await recording.perform(request);
      if (response !== undefined) requests.saw(request, response);
      if (this.#plan.restMs !== undefined) await sleep(this.#plan.restMs);
    }
  }

  async #readAll(address: string): Promise<void> {
    const client = connect({ servers: [address] });
    const recording = new RecordingClient(`${this.name}-last-${address}`, client, this.#recorder);
    try {
      for (const read of ['linearizable', 'local'] satisfies ReadLevel[])
        for (let key = 0; key < this.#keys; key++)
          if ((await recording.perform({ op: 'get', key: `${this.#prefix}${key}`, read })) === undefined)
            throw new Error(`a last read at ${address} failed: ${JSON.stringify(this.events.at(-1))}`);
    } finally {
      await client.close();
    }
  }

  #take(event: HistoryEvent): void {
    const position = this.events.push(event) - 1;
    if (event.type === 'invoke') {
      // The recorder numbers the lives of a client.
      const server = this.#pins.get(event.client.replace(/\.\d+$/, ''));
      this.#begun.set(event.id, { request: event, begunAt: position, server, atMs: performance.now() });
      return;
    }
    const begun = this.#begun.get(event.id);
    if (begun === undefined) throw new Error(`operation ${event.id} ended twice or never began`);
    this.#begun.delete(event.id);
    const server = event.type === 'ok' ? event.server : begun.server;
    const endedAtMs = performance.now();
    const tookMs = endedAtMs - begun.atMs;
    this.ended.push({ ...begun, outcome: event.type, endedAt: position, endedAtMs, tookMs, server });
  }
}
