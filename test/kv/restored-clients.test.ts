import { expect, test } from '@jest/globals';
import { KeyValueStore } from '../../src/kv/store';

test('a client that began anew before a restore has its old writes refused after it', () => {
  const store = new KeyValueStore();
  for (const epoch of [0, 1]) store.apply({ op: 'forget', epoch, session: null }, epoch + 1);
  const put = { op: 'put', key: 'k', value: 'v' } as const;
  store.apply({ ...put, session: { client: 'ada', sequence: 9, epoch: 2 } }, 3);
  const restored = new KeyValueStore();
  restored.restore(store.snapshot());
  for (const each of [store, restored])
    expect(each.apply({ ...put, session: { client: 'ada', sequence: 1 } }, 4)).toMatchObject({
      op: 'stale',
      because: 'epoch',
    });
});
