import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { OutcomeUnknown } from '../../src';
import { API_ERRORS, type ApiErrorKind } from '../../src/api/errors';
import { ApiError } from '../../src/server/api-error';
import type { Call, Reaction } from './fake-server';
import { clientOf, diesInTheBody, put, rejection, serverThat, silent, stopAll } from './harness';

afterEach(stopAll);

const named = ({ params }: Call): unknown[] => [params['client'], params['sequence'], params['epoch']];

/** Refuses what names an epoch before the one it is in. */
function inEpoch(epoch: () => number): (call: Call) => Reaction {
  return ({ params }) =>
    ((params['epoch'] as number | undefined) ?? 0) < epoch() - 1 ? forgotten(epoch()) : { result: put };
}

function forgotten(epoch: number, kind: ApiErrorKind = API_ERRORS.staleEpoch): Reaction {
  const text = JSON.stringify(new ApiError(kind, 'the client is forgotten', epoch).toResponse('1'));
  return {
    misbehave: (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(text),
  };
}

describe('a client that servers have forgotten', () => {
  test('sends its write again, with the epoch that it was told, and stays with that', async () => {
    const server = await serverThat(inEpoch(() => 7));
    const client = clientOf([server]);
    expect(await client.put('k', '1')).toEqual(put);
    expect(await client.put('k', '2')).toEqual(put);
    expect(server.calls.map(named)).toEqual([
      [client.id, 1, undefined],
      [client.id, 1, 7],
      [client.id, 2, 7],
    ]);
  });

  test('does so as often as it is forgotten', async () => {
    let epoch = 0;
    const server = await serverThat(inEpoch(() => epoch));
    const client = clientOf([server]);
    for (epoch of [0, 1, 2, 3, 5, 9]) expect(await client.put('k', '1')).toEqual(put);
    expect(server.calls.map(({ params }) => params['epoch'] ?? 0)).toEqual([0, 0, 0, 2, 2, 2, 5, 5, 9]);
  });

  test('gives no other epoch to a write of which an attempt was left without an answer', async () => {
    let calls = 0;
    const lost = await serverThat(() => (++calls === 1 ? diesInTheBody : forgotten(7)));
    const client = clientOf([lost]);
    const error = await rejection(client.put('k', '1'));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error).toMatchObject({ definite: false, code: API_ERRORS.staleEpoch.code });
    expect(error.message).toContain('the client is forgotten');
    expect(lost.calls.map(named)).toEqual([
      [client.id, 1, undefined],
      [client.id, 1, undefined],
    ]);
    // The next write has nothing to do with it.
    lost.calls.length = 0;
    await rejection(client.put('k', '2', { deadlineMs: 200 }));
    expect(lost.calls[0]?.params['epoch']).toBe(7);
  });

  test('takes no refusal for sure while another server has the write too', async () => {
    const refusing = await serverThat(inEpoch(() => 7));
    const mute = await serverThat(() => silent);
    const client = clientOf([refusing, mute], { broadcast: true });
    expect(await rejection(client.put('k', '1'))).toBeInstanceOf(OutcomeUnknown);
    for (const { calls } of [refusing, mute]) expect(calls.map(named)).toEqual([[client.id, 1, undefined]]);
  });

  test('begins anew once for all its writes under way, whoever answers them', async () => {
    const first = await serverThat(inEpoch(() => 7));
    const second = await serverThat(inEpoch(() => 8));
    const client = clientOf([first, second], { broadcast: true, attemptTimeoutMs: 3000 });
    const writes = Array.from({ length: 20 }, () => client.put('k', 'v'));
    expect(await Promise.all(writes)).toEqual(writes.map(() => put));
    expect(new Set(first.calls.map(({ params }) => params['epoch']))).toEqual(new Set([undefined, 8]));
  });

  test('keeps the latest epoch, whatever a server that is behind tells another write', async () => {
    let late = (): void => undefined;
    const server = await serverThat(({ params }) => {
      if (params['epoch'] !== undefined) return { result: put };
      const { misbehave } = forgotten(params['sequence'] === 1 ? 9 : 8) as {
        misbehave: (response: ServerResponse) => void;
      };
      if (params['sequence'] === 1) return { misbehave };
      return {
        misbehave: (response) =>
          (late = () => {
            misbehave(response);
          }),
      };
    });
    const client = clientOf([server]);
    const second = Promise.all([client.put('k', '1'), client.put('k', '2')]);
    while (server.calls.length < 3) await new Promise(setImmediate);
    late();
    await second;
    await client.put('k', '3');
    expect(server.calls.at(-1)?.params['epoch']).toBe(9);
  });

  test('gives up when it is told nothing new, and by its deadline', async () => {
    const server = await serverThat(() => forgotten(0));
    expect(await rejection(clientOf([server]).put('k', '1'))).toMatchObject({
      definite: true,
      code: API_ERRORS.staleEpoch.code,
    });
    let epoch = 0;
    const racing = await serverThat(() => forgotten(++epoch));
    await rejection(clientOf([racing], { deadlineMs: 300 }).put('k', '1'));
    expect(racing.calls.length).toBeGreaterThan(2);
  });

  test('goes on in a cluster that was made anew, after one write of unknown outcome', async () => {
    let epoch = 7;
    const server = await serverThat((call) =>
      Number(call.params['epoch'] ?? 0) > epoch
        ? forgotten(epoch, API_ERRORS.staleSequence)
        : inEpoch(() => epoch)(call),
    );
    const client = clientOf([server]);
    await client.put('k', '1');
    epoch = 1;
    // A copy of it could be carried out when the new cluster gets to epoch 7, so it is not sent in another session.
    const error = await rejection(client.put('k', '2'));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error).toMatchObject({ definite: false, code: API_ERRORS.staleSequence.code });
    expect(await client.put('k', '3')).toEqual(put);
    expect(server.calls.slice(2).map(named)).toEqual([
      [client.id, 2, 7],
      [client.id, 3, 1],
    ]);
  });
});
