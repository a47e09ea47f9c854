import { afterEach, describe, expect, test } from '@jest/globals';
import { API_ERRORS } from '../../src/api/errors';
import { CLIENT_ERRORS, OutcomeUnknown } from '../../src';
import type { Reaction } from './fake-server';
import { clientOf, hangsAfterHeaders, put, rejection, serverThat, silent, stopAll, until } from './harness';

afterEach(stopAll);

describe('the deadline', () => {
  test.each([
    ['one after the other', false],
    ['all at once', true],
  ])('is kept when no server ever answers, asked %s', async (_how, broadcast) => {
    const servers = [await serverThat(() => silent), await serverThat(() => hangsAfterHeaders)];
    const client = clientOf(servers, { deadlineMs: 700, broadcast });
    const startedAt = performance.now();
    expect(await rejection(client.put('k', 'v'))).toBeInstanceOf(OutcomeUnknown);
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeGreaterThan(500);
    expect(tookMs).toBeLessThan(1500);
  });

  test('lets go of the connection of an attempt that timed out', async () => {
    let gone = 0;
    const stalls: Reaction = {
      misbehave: (response) => {
        response.on('close', () => gone++);
      },
    };
    const client = clientOf([await serverThat(() => stalls)], { attemptTimeoutMs: 100, deadlineMs: 150 });
    await rejection(client.put('k', 'v'));
    await until(() => gone > 0);
  });

  test('of one call overrides that of the client', async () => {
    const client = clientOf([await serverThat(() => silent)], { deadlineMs: 20_000 });
    const startedAt = performance.now();
    await rejection(client.get('k', { deadlineMs: 200 }));
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  test('a signal and close() end operations early', async () => {
    const client = clientOf([await serverThat(() => silent)], {
      deadlineMs: 20_000,
      attemptTimeoutMs: 20_000,
    });
    const abort = new AbortController();
    const write = rejection(client.put('k', 'v', { signal: abort.signal }));
    const read = rejection(client.get('k'));
    setTimeout(() => {
      abort.abort();
    }, 50);
    expect(await write).toBeInstanceOf(OutcomeUnknown);
    expect(await rejection(client.put('k', 'v', { signal: abort.signal }))).toMatchObject({
      definite: true,
      code: CLIENT_ERRORS.cancelled.code,
    });
    await client.close();
    expect(await read).toMatchObject({ definite: true });
    expect(await rejection(client.get('k'))).toMatchObject({ code: CLIENT_ERRORS.closed.code });
  });
});

describe('broadcast', () => {
  test('sends one and the same write everywhere and takes the first good answer', async () => {
    const servers = [
      await serverThat(() => silent),
      await serverThat(() => ({ error: API_ERRORS.overloaded })),
      await serverThat(() => ({ result: put })),
    ];
    const startedAt = performance.now();
    expect(await clientOf(servers).put('k', 'v', { broadcast: true })).toEqual(put);
    expect(performance.now() - startedAt).toBeLessThan(250);
    expect(servers[0]!.calls).toEqual(servers[2]!.calls);
    expect(servers[1]!.calls).toEqual(servers[2]!.calls);
  });
});

describe('the window of writes', () => {
  test('holds back what the servers could not recognise any more, in the order of the calls', async () => {
    const answers: (() => void)[] = [];
    const sequences: number[] = [];
    const server = await serverThat(async ({ params }) => {
      sequences.push(params['sequence'] as number);
      await new Promise<void>((resolve) => answers.push(resolve));
      return { result: put };
    });
    const client = clientOf([server], { attemptTimeoutMs: 20_000, deadlineMs: 20_000 });
    const writes = Array.from({ length: 100 }, (_, index) => client.put(`k${index}`, 'v'));
    await until(() => sequences.length === 32);
    const late = rejection(client.put('late', 'v', { deadlineMs: 100 }));
    expect(await late).toMatchObject({ definite: true, code: CLIENT_ERRORS.busy.code });

    // All but the first are answered: the first holds the window at 64 sequences.
    const first = answers.splice(sequences.indexOf(1), 1)[0]!;
    const answerAll = setInterval(() => {
      for (const answer of answers.splice(0)) answer();
    }, 5);
    await until(() => sequences.length === 64);
    await Promise.all(writes.slice(1, 64));
    expect(Math.max(...sequences)).toBe(64);
    first();
    await Promise.all(writes);
    clearInterval(answerAll);
    const keyOf = new Map(server.calls.map(({ params }) => [params['sequence'], params['key']]));
    for (let index = 0; index < 100; index++) expect(keyOf.get(index + 1)).toBe(`k${index}`);
  });
});
