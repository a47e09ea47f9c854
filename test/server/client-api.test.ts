import { expect, test } from '@jest/globals';
import { API_ERRORS } from '../../src/api/errors';
import type { Replica } from '../../src/core/replica';
import type { Command, Result } from '../../src/kv/commands';
import { KeyValueStore } from '../../src/kv/store';
import { clientApi, type ClientApiParts } from '../../src/server/client-api';
import { virtualClock } from '../support/virtual-clock';

/** The API of a server whose writes are carried out at once, after what else was chosen before them. */
function apiOf(
  store: KeyValueStore,
  before: () => void = () => undefined,
): (params: object) => Promise<unknown> {
  let slot = 0;
  const submit = (command: Command): Promise<Result> => {
    before();
    return Promise.resolve(store.apply(command, ++slot));
  };
  const api = clientApi({
    ...{ store, clock: virtualClock().clock, operationTimeoutMs: 1000 },
    replica: { submit } as unknown as Replica<Command, Result>,
    forgetting: { notice: () => undefined },
    notReadyBecause: () => undefined,
    onRequest: () => undefined,
  } as unknown as ClientApiParts);
  return (params) => (api.get('kv.put') ?? Promise.reject.bind(Promise))({ key: 'k', value: 'v', ...params });
}

function forget(store: KeyValueStore, times: number): void {
  for (let i = 0; i < times; i++)
    store.apply({ op: 'forget', epoch: store.sessions.epoch, session: null }, 1);
}

test('a write of a forgotten client is surely refused where no copy of it can have been carried out', async () => {
  const store = new KeyValueStore();
  forget(store, 2);
  await expect(apiOf(store)({ client: 'ada', sequence: 1 })).rejects.toMatchObject({
    kind: API_ERRORS.staleEpoch,
    epoch: 2,
  });
});

test('a write whose client is forgotten while it is under way is not called definite', async () => {
  const store = new KeyValueStore();
  const put = apiOf(store, () => {
    forget(store, 2);
  });
  await expect(put({ client: 'ada', sequence: 1 })).rejects.toMatchObject({ kind: API_ERRORS.staleSequence });
});

test('a write that names an epoch ahead is not called definite either: this server may be behind', async () => {
  const store = new KeyValueStore();
  await expect(apiOf(store)({ client: 'ada', sequence: 1, epoch: 5 })).rejects.toMatchObject({
    kind: API_ERRORS.staleSequence,
    epoch: 0,
  });
});

test('at twice the limit only clients that are known may write', async () => {
  const put = apiOf(new KeyValueStore([], { clients: 1, characters: 1e6 }));
  for (const client of ['ada', 'bob']) await put({ client, sequence: 1 });
  await expect(put({ client: 'eve', sequence: 1 })).rejects.toMatchObject({ kind: API_ERRORS.overloaded });
  await expect(put({ client: 'bob', sequence: 2 })).resolves.toMatchObject({ replaced: true });
});
