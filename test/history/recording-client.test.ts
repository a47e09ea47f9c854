import { expect, test } from '@jest/globals';
import type { SynodClient } from '../../src/client/client';
import type { HistoryEvent } from '../../src/history/history';
import { Recorder } from '../../src/history/recorder';
import type { RecordingClient } from '../../src/history/recording-client';
import { loadMutant, type Edit } from '../../src/simulation/museum/mutant';

/** One put that ends as told, one more after it, and one that was sent to all servers. */
async function recorded(edits: readonly Edit[]): Promise<HistoryEvent[]> {
  const [mutant] = loadMutant(['history/recording-client.ts'], edits) as [
    { RecordingClient: typeof RecordingClient },
  ];
  const events: HistoryEvent[] = [];
  const recorder = new Recorder(
    () => 0,
    (event) => events.push(event),
  );
  const errors = [Object.assign(new Error('timed out'), { definite: false })];
  const put = (): Promise<object> => {
    const error = errors.shift();
    return error === undefined ? Promise.resolve({ replaced: false }) : Promise.reject(error);
  };
  const client = new mutant.RecordingClient('a', { server: 's1', put } as unknown as SynodClient, recorder);
  for (const options of [{}, {}, { broadcast: true }])
    await client.perform({ op: 'put', key: 'x', value: '1' }, options);
  return events;
}

const isRight = ([first, unknown, second, answer, third, broadcast]: HistoryEvent[]): boolean =>
  first?.type === 'invoke' &&
  unknown?.type === 'unknown' &&
  second?.type === 'invoke' &&
  second.client !== first.client &&
  answer?.type === 'ok' &&
  answer.server === 's1' &&
  third?.type === 'invoke' &&
  third.client === second.client &&
  broadcast?.type === 'ok' &&
  broadcast.server === undefined;

test('after an unknown outcome it is another client, and a broadcast is answered by nobody known', async () => {
  expect(isRight(await recorded([]))).toBe(true);
});

test.each([
  ['stays the same client', 'this.#lives++;', ''],
  [
    'believes to know who answered a broadcast',
    'broadcast ? undefined : this.#client.server',
    'this.#client.server',
  ],
  ['takes an unknown outcome for a failure', 'if (definite ||', 'if (true ||'],
])('this notices one that %s', async (_, find, replace) => {
  expect(isRight(await recorded([{ file: 'history/recording-client.ts', find, replace }]))).toBe(false);
});
