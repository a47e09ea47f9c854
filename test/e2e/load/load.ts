import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Random } from '../../../src/core/environment';
import { SeededRandom } from '../../../src/core/random';
import { RpcError } from '../helpers/rpc';
import { waitUntil } from '../helpers/wait';
import { ClientModel, type Write } from './model';
import { RawClient } from './raw-client';

export interface LoadPlan {
  /** `host:port` of every server. */
  readonly addresses: readonly string[];
  /** Positions in `addresses` of those that clients talk to; all by default. */
  readonly servers?: readonly number[];
  readonly clients: number;
  /** Repeats the writes and the choice of servers, though not how they interleave. */
  readonly seed: number;
  /** Prefix of the clients' names and so of their keys; unique in the life of a cluster. */
  readonly name: string;
  /** A client gives up one attempt after so long and asks another server. */
  readonly attemptTimeoutMs?: number;
  /** Of a client, after each write: where the fault takes long, a load without rest would only heat the machine. */
  readonly restMs?: number;
}

/** An acknowledged write, kept for a while to be sent once more. */
interface Acknowledged {
  readonly write: Write;
  readonly result: unknown;
}

const ATTEMPT_TIMEOUT_MS = 3000;
/** A write that no server acknowledges for so long, in a cluster that has come back, is stuck. */
const SETTLE_WITHIN_MS = 30_000;
/** Sent to two servers at once. */
const HEDGED = 0.1;
/** An old write sent again, to whatever server. The servers remember a client's last 64. */
const ECHOED = 0.1;
const REMEMBERED = 40;

/**
 * Closed-loop writers with plain HTTP. Each write has a client and a sequence and is sent, at whatever server, until
 * it is acknowledged; some are sent to two servers at once, some again long after their answer.
 */
export class Load {
  readonly models: readonly ClientModel[];
  /** Writes acknowledged at least once. */
  acknowledged = 0;
  readonly acknowledgedBy: number[];
  /** Attempts that failed: refused, reset, timed out, or a JSON-RPC error that allows another attempt. */
  failed = 0;
  readonly failures = new Map<string, number>();
  /** Repetitions, at once or later, that were answered. */
  repeated = 0;
  /** Writes whose answers show that they took effect twice. */
  readonly doubled: string[] = [];
  /** Writes whose answers show that an earlier, acknowledged write was not there. */
  readonly lost: string[] = [];
  /** Writes that never got an answer, and errors that no server should give. */
  readonly broken: string[] = [];
  /** From the first attempt to the acknowledgement, in milliseconds. */
  readonly #durations: number[] = [];
  readonly #plan: LoadPlan;
  readonly #servers: readonly number[];
  readonly #raw: RawClient;
  readonly #running: Promise<void>[];
  readonly #inBackground = new Set<Promise<void>>();
  #stopAt = Infinity;

  /** Starts at once. End it with stop(). */
  constructor(plan: LoadPlan) {
    const random = new SeededRandom(plan.seed);
    this.#plan = plan;
    this.#servers = plan.servers ?? plan.addresses.map((_, id) => id);
    this.#raw = new RawClient(plan.addresses, plan.clients);
    this.acknowledgedBy = plan.addresses.map(() => 0);
    this.models = Array.from({ length: plan.clients }, (_, number) => {
      const name = `${plan.name}-${number}`;
      return new ClientModel(name, random.fork(name));
    });
    this.#running = this.models.map((model) => this.#run(model, random.fork(`way of ${model.name}`)));
  }

  get slowestMs(): number {
    return Math.max(0, ...this.#durations);
  }

  get medianMs(): number {
    return [...this.#durations].sort((a, b) => a - b)[Math.floor(this.#durations.length / 2)] ?? NaN;
  }

  /** Waits until so many further writes are acknowledged. */
  async untilFurther(count: number, deadlineMs = 60_000): Promise<void> {
    const target = this.acknowledged + count;
    await waitUntil(
      () => this.acknowledged >= target,
      deadlineMs,
      () => `${count} further acknowledged writes: not within ${deadlineMs} ms. ${this.describe()}`,
    );
  }

  /** Ends without finishing anything, for a test that failed. */
  async abandon(): Promise<void> {
    this.#stopAt = -Infinity;
    await this.#raw.close();
    await Promise.all(this.#running);
  }

  /** Lets every client finish its write, and the servers answer all that was sent. */
  async stop(): Promise<void> {
    this.#stopAt = performance.now();
    await Promise.all(this.#running);
    await Promise.all(this.#inBackground);
    await this.#raw.close();
  }

  describe(): string {
    const failures = [...this.failures].map(([reason, count]) => `${count} x ${reason}`).join(', ');
    return (
      `${this.acknowledged} acknowledged, ${this.failed} failed attempts (${failures}), ` +
      `${this.repeated} repeated, median ${this.medianMs.toFixed()} ms, slowest ${this.slowestMs.toFixed()} ms`
    );
  }

  async #run(model: ClientModel, random: Random): Promise<void> {
    const past: Acknowledged[] = [];
    while (this.#stopAt === Infinity) {
      const write = model.next();
      const sentAt = performance.now();
      const result = await this.#sendUntilAcknowledged(write, random);
      if (result === undefined) return;
      this.#durations.push(performance.now() - sentAt);
      this.acknowledged++;
      past.push({ write, result });
      if (past.length > REMEMBERED) past.shift();
      const old = past[random.int(0, past.length - 1)];
      if (old !== undefined && random.chance(ECHOED)) this.#echo(old, random);
      if (this.#plan.restMs !== undefined) await sleep(this.#plan.restMs);
    }
  }

  async #sendUntilAcknowledged(write: Write, random: Random): Promise<unknown> {
    let position = random.int(0, this.#servers.length - 1);
    for (let attempt = 1; ; attempt++, position++) {
      const width = random.chance(HEDGED) ? 2 : 1;
      const sent = Array.from({ length: width }, (_, i) => this.#send(write, position + i));
      const result = await Promise.any(sent).catch(() => undefined);
      if (result !== undefined) {
        this.#check(write, result, attempt + width > 2);
        for (const other of sent) this.#compareLater({ write, result }, other);
        return result;
      }
      if (performance.now() > this.#stopAt + SETTLE_WITHIN_MS) {
        this.broken.push(`${describe(write)}: no server acknowledged it`);
        return undefined;
      }
      await sleep(random.int(5, 50));
    }
  }

  async #send(write: Write, position: number): Promise<unknown> {
    const server = this.#servers[position % this.#servers.length] ?? 0;
    const { method, params } = write;
    const timeoutMs = this.#plan.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS;
    try {
      const result = await this.#raw.call(server, method, params, timeoutMs);
      this.acknowledgedBy[server] = (this.acknowledgedBy[server] ?? 0) + 1;
      return result;
    } catch (error) {
      this.#count(write, error as Error);
      throw error;
    }
  }

  #count(write: Write, error: Error): void {
    this.failed++;
    const isAnswer = error instanceof RpcError;
    const { code } = error as { code?: unknown };
    const reason = isAnswer ? `${error.code}` : typeof code === 'string' ? code : error.name;
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
    if (isAnswer && !(error.data as { retry: boolean }).retry)
      this.broken.push(`${describe(write)}: ${error.message}`);
  }

  #check(write: Write, result: unknown, wasRepeated: boolean): void {
    const { slot, ...seen } = result as Record<string, unknown>;
    if (typeof slot === 'number' && isDeepStrictEqual(seen, write.expected)) return;
    const what = `${describe(write)}: answered ${JSON.stringify(result)}`;
    (wasRepeated ? this.doubled : this.lost).push(what);
  }

  /** The same write sent again has to get the very same answer, or none. */
  #echo(old: Acknowledged, random: Random): void {
    this.#compareLater(old, this.#send(old.write, random.int(0, this.#servers.length - 1)));
  }

  #compareLater({ write, result }: Acknowledged, other: Promise<unknown>): void {
    const compared = other.then(
      (again) => {
        if (again === result) return;
        this.repeated++;
        if (!isDeepStrictEqual(again, result))
          this.doubled.push(
            `${describe(write)}: answered ${JSON.stringify(result)}, then ${JSON.stringify(again)}`,
          );
      },
      () => undefined,
    );
    this.#inBackground.add(compared);
    void compared.finally(() => this.#inBackground.delete(compared));
  }
}

function describe({ method, params }: Write): string {
  return `${method} ${JSON.stringify(params)}`;
}
