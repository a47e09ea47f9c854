import { afterEach, describe, expect, test } from '@jest/globals';
import { CallError, Unanswered } from '../../src/core/errors';
import { JsonRpcTransport, type TrafficObserver } from '../../src/network/json-rpc-transport';
import { CALLER, FakePeer, echo, type Answer } from './helpers/fake-peer';

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const vote = { lane: 'vote', timeoutMs: 3000 } as const;
const bulk = { lane: 'bulk', timeoutMs: 3000 } as const;

async function start(
  answer: Answer,
): Promise<{ peer: FakePeer; transport: JsonRpcTransport; traffic: unknown[][] }> {
  const peer = await FakePeer.start(answer);
  const traffic: unknown[][] = [];
  const observer: TrafficObserver = {
    message: (...message) => traffic.push(message),
    roundTrip: (id, durationMs) => traffic.push(['round trip', id, durationMs > 0]),
    failure: (id) => traffic.push(['failure', id]),
  };
  const transport = new JsonRpcTransport([{ id: 1, origin: peer.origin }], CALLER, observer, (id, refusal) =>
    traffic.push(['met', id, refusal]),
  );
  closing.push(
    () => peer.close(),
    () => {
      transport.close();
    },
  );
  return { peer, transport, traffic };
}

describe('lanes', () => {
  test('a vote waits for no bulk call, however many hang', async () => {
    const { peer, transport } = await start((calls, socket) => {
      if (calls[0]?.method !== 'learner.snapshot') echo(calls, socket);
    });
    const hanging: Promise<unknown>[] = [];
    for (let n = 1; n <= 2; n++) {
      hanging.push(transport.call(1, 'learner.snapshot', n, bulk).catch((error: unknown) => error));
      await peer.arrived(n);
    }
    hanging.push(transport.call(1, 'learner.snapshot', 3, bulk).catch((error: unknown) => error));
    const startedAt = performance.now();
    expect(await transport.call(1, 'acceptor.prepare', 4, vote)).toBe(4);
    expect(performance.now() - startedAt).toBeLessThan(1500);
    transport.close();
    for (const error of await Promise.all(hanging)) expect(error).toBeInstanceOf(CallError);
  });

  test('calls of different lanes never share a batch', async () => {
    const { peer, transport } = await start(echo);
    await Promise.all([
      transport.call(1, 'acceptor.prepare', 1, vote),
      transport.call(1, 'learner.chosen', 2, bulk),
      transport.call(1, 'acceptor.accept', 3, vote),
    ]);
    expect(peer.requests.map(({ calls }) => calls.map(({ method }) => method)).sort()).toEqual([
      ['acceptor.prepare', 'acceptor.accept'],
      ['learner.chosen'],
    ]);
  });

  test('a call to somebody who is no peer rejects', async () => {
    const { transport } = await start(echo);
    await expect(transport.call(7, 'acceptor.prepare', 1, vote)).rejects.toThrow('server 7 is no peer');
  });
});

describe('health', () => {
  test('follows what was last heard', async () => {
    const { peer, transport } = await start(echo);
    expect(transport.health(1)).toEqual({ reachable: false, roundTripMs: null, lastAnswerMs: null });
    await transport.call(1, 'm', 1, vote);
    const { reachable, roundTripMs, lastAnswerMs } = transport.health(1);
    expect(reachable).toBe(true);
    expect(roundTripMs).toBeGreaterThan(0);
    expect(lastAnswerMs).toBeGreaterThanOrEqual(0);
    await peer.close();
    await expect(transport.call(1, 'm', 1, vote)).rejects.toThrow(CallError);
    expect(transport.health(1)).toMatchObject({ reachable: false, roundTripMs });
    expect(transport.health(7)).toEqual({ reachable: false, roundTripMs: null, lastAnswerMs: null });
    closing.shift();
  });

  test('every message is counted, with its size', async () => {
    const { peer, transport, traffic } = await start(echo);
    await transport.call(1, 'acceptor.prepare', { slot: 1 }, vote);
    const body = '{"jsonrpc":"2.0","id":1,"method":"acceptor.prepare","params":{"slot":1}}';
    expect(traffic).toEqual([
      ['sent', 'acceptor.prepare', 'request', body.length],
      ['met', 1, undefined],
      ['received', 'acceptor.prepare', 'answer', 0],
      ['round trip', 1, true],
    ]);
    await peer.close();
    await transport.call(1, 'm', 1, vote).catch(() => undefined);
    expect(traffic.at(-1)).toEqual(['failure', 1]);
    closing.shift();
  });
});

test('before it listens a server leaves calls unanswered', async () => {
  const { transport } = await start(echo);
  await expect(transport.dispatch('acceptor.prepare', {})).rejects.toThrow(Unanswered);
  transport.listen((method, params) => Promise.resolve([method, params]));
  expect(await transport.dispatch('acceptor.prepare', 1)).toEqual(['acceptor.prepare', 1]);
});
