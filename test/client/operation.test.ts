import { describe, expect, test } from '@jest/globals';
import { API_ERRORS } from '../../src/api/errors';
import { OutcomeUnknown } from '../../src';
import type { ClientError } from '../../src';
import { SynodClient } from '../../src/client/client';
import type { ClientEnvironment } from '../../src/client/environment';
import { AttemptFailed, answeredError } from '../../src/client/errors';
import { SeededRandom } from '../../src/core/random';

/** Time that passes only when everything waits. */
class VirtualClock {
  #now = 0;
  #timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#now;
  }
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }
  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
  async runUntilSettled<T>(work: Promise<T>): Promise<void> {
    const state = { settled: false };
    const settle = (): void => {
      state.settled = true;
    };
    work.then(settle, settle);
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (state.settled) return;
      const next = this.#timers.sort((a, b) => a.at - b.at).shift();
      if (next === undefined) throw new Error('the operation waits for nothing');
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
  }
}

interface Seen {
  readonly server: string;
  readonly at: number;
  readonly timeoutMs: number;
}

function virtualClient(
  seed: number,
  answer: (server: string, clock: VirtualClock) => Promise<unknown>,
): { client: SynodClient; clock: VirtualClock; seen: Seen[] } {
  const clock = new VirtualClock();
  const seen: Seen[] = [];
  const environment: ClientEnvironment = {
    clock,
    random: new SeededRandom(seed),
    call: (server, _method, _params, timeoutMs) => {
      seen.push({ server, at: clock.now(), timeoutMs });
      return answer(server, clock);
    },
    close: () => Promise.resolve(),
  };
  const settings = {
    ...{ id: 'c', deadlineMs: 10_000, attemptTimeoutMs: 5000 },
    ...{ broadcast: false, followLeader: false },
  };
  return { client: new SynodClient(environment, { ...settings, servers: ['a', 'b', 'c'] }), clock, seen };
}

async function failureOf(run: { client: SynodClient; clock: VirtualClock }): Promise<ClientError> {
  const write = run.client.put('k', 'v');
  await run.clock.runUntilSettled(write);
  return write.then(
    () => {
      throw new Error('should have failed');
    },
    (error: unknown) => error as ClientError,
  );
}

const unsent = new AttemptFailed('refused', { definite: true, retry: true });

describe('the logic of retries, in virtual time', () => {
  test('is the same for the same seed, and another for another', async () => {
    const attempts = async (seed: number): Promise<Seen[]> => {
      const run = virtualClient(seed, () => Promise.reject(unsent));
      expect((await failureOf(run)).definite).toBe(true);
      return run.seen;
    };
    const first = await attempts(1);
    expect(await attempts(1)).toEqual(first);
    expect(await attempts(2)).not.toEqual(first);
  });

  test('asks all servers in a round, and pauses longer after each round', async () => {
    const run = virtualClient(7, () => Promise.reject(unsent));
    await failureOf(run);
    const rounds = [...new Set(run.seen.map(({ at }) => at))];
    for (const at of rounds)
      expect(run.seen.filter((seen) => seen.at === at).map(({ server }) => server)).toEqual(['a', 'b', 'c']);
    const pauses = rounds.slice(1).map((at, index) => at - rounds[index]!);
    for (const [index, pauseMs] of pauses.entries()) {
      const longestMs = Math.min(1000, 50 * 2 ** index);
      expect(pauseMs).toBeLessThanOrEqual(longestMs + 1e-6);
      expect(pauseMs).toBeGreaterThanOrEqual(longestMs / 2 - 1e-6);
    }
    expect(run.clock.now()).toBe(10_000);
    // The last pause leads to the deadline: an attempt without time would make a sure failure an unknown outcome.
    for (const { timeoutMs } of run.seen) expect(timeoutMs).toBeGreaterThan(50);
  });

  test('ends at the deadline even when the environment breaks its promise to end a call', async () => {
    const run = virtualClient(1, () => new Promise(() => undefined));
    expect(await failureOf(run)).toBeInstanceOf(OutcomeUnknown);
    expect(run.seen.map(({ server, timeoutMs }) => `${server} ${timeoutMs}`)).toEqual(['a 5000', 'b 5000']);
    expect(run.clock.now()).toBe(10_000);
  });

  test('begins no attempt that is too short for the verdict it would get', async () => {
    const run = virtualClient(1, async (_server, clock) => {
      // Virtual time: the server takes so long to give its verdict.
      await clock.sleep(4000);
      throw answeredError({ code: API_ERRORS.noQuorum.code, message: 'no quorum' });
    });
    expect(await failureOf(run)).toMatchObject({ definite: true, code: API_ERRORS.noQuorum.code });
    expect(run.seen.map(({ at }) => at)).toEqual([0, 4000]);
  });

  test('takes an unforeseen rejection or code for a write that may have taken effect', async () => {
    for (const error of [new Error('odd'), answeredError({ code: -1, message: 'odd' })])
      expect(await failureOf(virtualClient(1, () => Promise.reject(error)))).toBeInstanceOf(OutcomeUnknown);
  });

  test('lets 32 writes out at a time, and no read wait for them', async () => {
    const run = virtualClient(1, () => new Promise(() => undefined));
    const ended = Array.from({ length: 40 }, () => run.client.put('k', 'v').catch(() => 0));
    await new Promise((resolve) => setImmediate(resolve));
    expect(run.seen).toHaveLength(32);
    const read = run.client.get('k').catch(() => 0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(run.seen).toHaveLength(33);
    await run.clock.runUntilSettled(Promise.all([...ended, read]));
  });
});
