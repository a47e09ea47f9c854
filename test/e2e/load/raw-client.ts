import { Pool } from 'undici';
import { RpcError } from '../helpers/rpc';

export type WriteMethod = 'kv.put' | 'kv.delete' | 'kv.compareAndSet';

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** Calls each of several servers over kept connections, without the client library: no fail-over, no second try. */
export class RawClient {
  readonly #pools: readonly Pool[];
  #ids = 0;

  constructor(addresses: readonly string[], connections: number) {
    this.#pools = addresses.map(
      (address) => new Pool(`http://${address}`, { connections, pipelining: 1, connectTimeout: 1000 }),
    );
  }

  /** One call. Rejects with RpcError for a JSON-RPC error, else with what went wrong on the way. */
  async call(server: number, method: string, params: unknown, timeoutMs: number): Promise<unknown> {
    const [answer] = await this.#post(server, [{ method, params }], timeoutMs);
    if (answer === undefined) throw new Error('an empty answer');
    if (answer.error !== undefined)
      throw new RpcError(answer.error.code, answer.error.message, answer.error.data);
    return answer.result;
  }

  /** One JSON-RPC batch. Resolves with how many of its calls succeeded. */
  async batch(
    server: number,
    calls: readonly { method: string; params: unknown }[],
    timeoutMs: number,
  ): Promise<number> {
    const answers = await this.#post(server, calls, timeoutMs);
    return answers.filter((answer) => answer.error === undefined).length;
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
  }

  async #post(
    server: number,
    calls: readonly { method: string; params: unknown }[],
    timeoutMs: number,
  ): Promise<readonly Answer[]> {
    const pool = this.#pools[server];
    if (pool === undefined) throw new RangeError(`there is no server ${server}`);
    const messages = calls.map((call) => ({ jsonrpc: '2.0', id: ++this.#ids, ...call }));
    const { body } = await pool.request({
      path: '/rpc',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(messages.length === 1 ? messages[0] : messages),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const answer = (await body.json()) as Answer | readonly Answer[];
    return Array.isArray(answer) ? (answer as readonly Answer[]) : [answer as Answer];
  }
}
