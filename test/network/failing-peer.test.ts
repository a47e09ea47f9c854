import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { FakePeer, echo, type Answer } from './helpers/fake-peer';
import { closing, failure, laneTo, openLaneTo, peerThat } from './helpers/lane';

/** Does this with the calls of the method `fatal`, as often as they come, and echoes all others. */
function failingAt(answer: Answer): Answer {
  return (calls, socket) => {
    (calls.some(({ method }) => method === 'fatal') ? answer : echo)(calls, socket);
  };
}

describe('a peer that fails', () => {
  test.each<[string, Answer]>([
    ['never answers', () => undefined],
    [
      'stalls in the middle of its answer',
      (_, socket) => {
        socket.send('[{', { fin: false });
      },
    ],
    [
      'dribbles its answer without end',
      (_, socket) => {
        const timer = setInterval(() => {
          socket.send(' ', { fin: false });
        }, 5);
        socket.on('close', () => {
          clearInterval(timer);
        });
      },
    ],
  ])('and %s: calls fail at their timeout and the lane is free again', async (_, answer) => {
    const peer = await peerThat(failingAt(answer));
    const lane = await openLaneTo(peer.origin);
    const isSeen = (): boolean => peer.calls.some(({ method }) => method === 'fatal');
    // On a busy machine a call may time out before the peer reads it: then nothing has failed yet.
    while (!isSeen()) {
      const { tookMs } = await failure(lane.call('fatal', 1, 150));
      expect(tookMs).toBeGreaterThan(140);
      // More than ten times the timeout, for a busy machine.
      expect(tookMs).toBeLessThan(2000);
    }
    expect(await lane.call('m', 2, 20_000)).toBe(2);
  });

  test.each<[string, Answer]>([
    [
      'before it answers',
      (_, socket) => {
        socket.terminate();
      },
    ],
    [
      'in the middle of its answer',
      (_, socket) => {
        socket.send('[{', { fin: false }, () => {
          socket.terminate();
        });
      },
    ],
    [
      'politely, before it answers',
      (_, socket) => {
        socket.close(1001);
      },
    ],
  ])('and dies %s: the calls fail at once', async (_, answer) => {
    const peer = await peerThat(failingAt(answer));
    const lane = await openLaneTo(peer.origin);
    // At once: not at the timeout of 20 s.
    expect((await failure(lane.call('fatal', 1, 20_000))).tookMs).toBeLessThan(5000);
    expect(peer.calls.map(({ method }) => method)).toEqual(['greeting', 'fatal']);
    expect(await lane.call('m', 2, 20_000)).toBe(2);
  });

  test('and is not there: the calls fail at once', async () => {
    const peer = await FakePeer.start(echo);
    const { origin } = peer;
    await peer.close();
    const { message, tookMs } = await failure(laneTo(origin).call('m', 1, 20_000));
    expect(message).toContain('ECONNREFUSED');
    expect(tookMs).toBeLessThan(5000);
  });

  test('and speaks another protocol: the calls fail at once', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.resume();
      socket.end('220 mail.example ESMTP\r\n');
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const lane = laneTo(`http://127.0.0.1:${port}`);
    expect((await failure(lane.call('m', 1, 20_000))).tookMs).toBeLessThan(5000);
    lane.close();
    await new Promise((resolve) => server.close(resolve));
  });

  test('and hangs: calls that timed out in the queue are never sent', async () => {
    let endHang: () => void = () => undefined;
    const peer = await peerThat(
      failingAt((_, socket) => {
        endHang = () => {
          socket.terminate();
        };
      }),
    );
    const lane = await openLaneTo(peer.origin);
    const first = failure(lane.call('fatal', 0, 60_000));
    await peer.arrived(2);
    const impatient = Array.from({ length: 2000 }, () => failure(lane.call('impatient', 0, 50)));
    const patient = lane.call('patient', 1, 20_000);
    await Promise.all(impatient);
    endHang();
    await first;
    expect(await patient).toBe(1);
    expect(peer.calls.map(({ method }) => method)).toEqual(['greeting', 'fatal', 'patient']);
  });
});

describe('closing', () => {
  test('settles every call, sent, waiting or new, and leaves no timer and no connection', async () => {
    // Jest has timers of its own.
    const resources = (): number =>
      process.getActiveResourcesInfo().filter((kind) => /^(TCP|Timeout)/.test(kind)).length;
    const before = resources();
    const peer = await peerThat(() => undefined);
    const lane = laneTo(peer.origin);
    const sent = failure(lane.call('m', 1, 60_000));
    await peer.arrived(1);
    const waiting = failure(lane.call('m', 2, 60_000));
    const justMade = failure(lane.call('m', 3, 60_000));
    lane.close();
    for (const call of [sent, waiting, justMade])
      expect((await call).message).toBe('the transport is closed');
    expect((await failure(lane.call('m', 4, 60_000))).message).toBe('the transport is closed');
    await peer.close();
    closing.length = 0;
    const end = performance.now() + 3000;
    while (resources() > before && performance.now() < end)
      await new Promise((resolve) => setImmediate(resolve));
    expect(resources()).toBeLessThanOrEqual(before);
  });
});
