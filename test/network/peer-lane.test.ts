import { describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { echo, send, type Answer } from './helpers/fake-peer';
import { closing, failure, laneTo, observed, openLaneTo, peerThat } from './helpers/lane';

describe('batches', () => {
  test('all calls of one turn travel in one batch, and each gets its own answer', async () => {
    const peer = await peerThat((calls, socket) => {
      echo([...calls].reverse(), socket);
    });
    const lane = laneTo(peer.origin);
    const results = await Promise.all(
      [1, 2, 3, 4, 5].map((n) => lane.call('acceptor.prepare', { n }, 20_000)),
    );
    expect(results).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }, { n: 5 }]);
    expect(peer.requests).toHaveLength(1);
    const [request] = peer.requests;
    expect(request?.url).toBe('/rpc');
    expect(request?.calls[0]).toEqual({
      jsonrpc: '2.0',
      id: 1,
      method: 'acceptor.prepare',
      params: { n: 1 },
    });
    expect(observed.filter((what) => what === 'round trip')).toHaveLength(1);
  });

  test('calls that wait for a free connection travel together in the next batch', async () => {
    let free: () => void = () => undefined;
    const peer = await peerThat((calls, socket) => {
      if (peer.requests.length > 1) echo(calls, socket);
      else
        free = () => {
          echo(calls, socket);
        };
    });
    const lane = laneTo(peer.origin);
    const first = lane.call('m', 0, 20_000);
    await peer.arrived(1);
    const later: Promise<unknown>[] = [];
    for (let n = 1; n <= 10; n++) {
      later.push(lane.call('m', n, 20_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(peer.requests).toHaveLength(1);
    free();
    expect(await Promise.all([first, ...later])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(peer.requests.map((request) => request.calls.length)).toEqual([1, 10]);
  });

  test('as many batches are under way as allowed', async () => {
    const peer = await peerThat(() => undefined);
    const lane = laneTo(peer.origin, { batchesInFlight: 3 });
    for (let n = 0; n < 6; n++) {
      lane.call('m', n, 60_000).catch(() => undefined);
      await peer.arrived(Math.min(n + 1, 3));
    }
    expect(peer.requests.map((request) => request.calls.length)).toEqual([1, 1, 1]);
  });

  test('a batch that takes long holds up the next one for its spacing only', async () => {
    const peer = await peerThat((calls, socket) => {
      if (calls[0]?.method !== 'slow') echo(calls, socket);
    });
    const lane = laneTo(peer.origin, { batchesInFlight: 2, batchSpacingMs: 200 });
    // The spacing begins when the batch is taken for sending, and so before its connection is open.
    const startedAt = performance.now();
    const slow = failure(lane.call('slow', 0, 60_000));
    await peer.arrived(1);
    expect(await Promise.all([lane.call('m', 1, 60_000), lane.call('m', 2, 60_000)])).toEqual([1, 2]);
    expect(performance.now() - startedAt).toBeGreaterThan(150);
    expect(peer.requests.map((request) => request.calls.length)).toEqual([1, 2]);
    expect(peer.connections).toBe(2);
    lane.close();
    await slow;
  });

  test('a batch has at most 500 calls and about 2 MiB', async () => {
    const peer = await peerThat(echo);
    const lane = laneTo(peer.origin, { maxAnswerBytes: 64 * 1024 * 1024 });
    await Promise.all(Array.from({ length: 1100 }, (_, n) => lane.call('m', n, 5000)));
    expect(peer.requests.map((request) => request.calls.length)).toEqual([500, 500, 100]);
    const large = 'x'.repeat(900 * 1024);
    await Promise.all([1, 2, 3, 4, 5].map(() => lane.call('m', large, 5000)));
    expect(peer.requests.slice(3).map((request) => request.calls.length)).toEqual([2, 2, 1]);
    await lane.call('m', 'x'.repeat(3 * 1024 * 1024), 5000);
    expect(peer.requests.at(-1)?.calls).toHaveLength(1);
  });
});

describe('answers', () => {
  test('a call that is left out is unanswered: it fails at its timeout, not before, and alone', async () => {
    const peer = await peerThat((calls, socket) => {
      const answered = calls.filter(({ method }) => method !== 'lost');
      echo(answered, socket);
    });
    const lane = await openLaneTo(peer.origin);
    for (const timeoutMs of [150, 60]) {
      const lost = failure(lane.call('lost', 1, timeoutMs));
      expect(await lane.call('kept', 2, 20_000)).toBe(2);
      const { message, tookMs } = await lost;
      expect(message).toBe(`lost: no answer within ${timeoutMs} ms`);
      expect(tookMs).toBeGreaterThan(timeoutMs - 10);
    }
    expect(peer.calls.map(({ method }) => method)).toEqual(['greeting', 'lost', 'kept', 'lost', 'kept']);
    expect(observed).not.toContain('failed');
  });

  test('a refused call rejects with the reason of the peer, the others succeed', async () => {
    const peer = await peerThat((calls, socket) => {
      send(
        socket,
        calls.map(({ id, params }) =>
          params === 'bad'
            ? { jsonrpc: '2.0', id, error: { code: -32602, message: 'invalid params: no' } }
            : { jsonrpc: '2.0', id, result: null },
        ),
      );
    });
    const lane = laneTo(peer.origin);
    const [bad, good] = [failure(lane.call('m', 'bad', 20_000)), lane.call('m', 'good', 20_000)];
    expect((await bad).message).toBe('m: invalid params: no');
    expect(await good).toBeNull();
  });

  test('an answer with an error that is null succeeds', async () => {
    const peer = await peerThat((calls, socket) => {
      send(
        socket,
        calls.map(({ id }) => ({ jsonrpc: '2.0', id, result: 'well', error: null })),
      );
    });
    expect(await laneTo(peer.origin).call('m', 1, 20_000)).toBe('well');
  });

  test('answers to calls that nobody made, twice or too late, harm nobody', async () => {
    const peer = await peerThat((calls, socket) => {
      const answers = calls.map(({ id, params }) => ({ jsonrpc: '2.0', id, result: params }));
      const twice = answers.map((answer) => ({ ...answer, result: 'again' }));
      send(socket, [{ id: 999, result: 1 }, { id: 'x' }, {}, ...answers, ...twice]);
    });
    const lane = laneTo(peer.origin);
    expect(await Promise.all([lane.call('m', 1, 20_000), lane.call('m', 2, 20_000)])).toEqual([1, 2]);
  });

  test.each<[string, Answer]>([
    [
      'text',
      (_, socket) => {
        send(socket, 'hello');
      },
    ],
    [
      'an empty message',
      (_, socket) => {
        send(socket, '');
      },
    ],
    [
      'null',
      (_, socket) => {
        send(socket, 'null');
      },
    ],
    [
      'a number',
      (_, socket) => {
        send(socket, '5');
      },
    ],
    [
      'an object',
      (_, socket) => {
        send(socket, {});
      },
    ],
    [
      'a list of null',
      (_, socket) => {
        send(socket, [null]);
      },
    ],
    [
      'half a list',
      (_, socket) => {
        send(socket, '[{"jsonrpc":"2.0","id":1,');
      },
    ],
    [
      'an answer that is too large',
      (_, socket) => {
        send(socket, `[${' '.repeat(2 * 1024 * 1024)}]`);
      },
    ],
  ])(
    '%s instead of a batch rejects all calls at once, and the next batch has a new connection',
    async (_, answer) => {
      const peer = await peerThat((calls, socket) => {
        (peer.requests.length === 2 ? answer : echo)(calls, socket);
      });
      const lane = await openLaneTo(peer.origin);
      const calls = [failure(lane.call('m', 1, 20_000)), failure(lane.call('m', 2, 20_000))];
      for (const { message, tookMs } of await Promise.all(calls)) {
        expect(message).toContain(peer.origin);
        expect(tookMs).toBeLessThan(5000);
      }
      expect(observed).toContain('failed');
      expect(await lane.call('m', 3, 20_000)).toBe(3);
    },
  );

  test('a refusal of the connection is told', async () => {
    const error = { code: -32005, message: 'unauthorized: the caller belongs to a cluster of other members' };
    const origin = await refusing(403, JSON.stringify({ jsonrpc: '2.0', id: null, error }));
    expect((await failure(laneTo(origin).call('m', 1, 20_000))).message).toBe(
      `${origin}: HTTP 403: ${error.message}`,
    );
  });

  test.each([
    [502, '<html>'],
    [200, ''],
    [404, 'null'],
    [503, ' '.repeat(1024 * 1024)],
  ])('status %i with %.10j instead of a connection rejects the calls at once', async (status, body) => {
    const origin = await refusing(status, body);
    const { message, tookMs } = await failure(laneTo(origin).call('m', 1, 20_000));
    expect(message).toContain(`${origin}: HTTP ${status}`);
    expect(tookMs).toBeLessThan(5000);
  });

  test('a second answer to the same batch is none to the next one', async () => {
    const peer = await peerThat((calls, socket) => {
      echo(calls, socket);
      if (peer.requests.length === 1) send(socket, [{ jsonrpc: '2.0', id: 2, result: 'too early' }]);
    });
    const lane = laneTo(peer.origin);
    expect(await lane.call('m', 1, 20_000)).toBe(1);
    expect(await lane.call('m', 2, 20_000)).toBe(2);
  });
});

/** Where a server answers every request like this, those for a WebSocket too; until the test ends. */
async function refusing(status: number, body: string): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
