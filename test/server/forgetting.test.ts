import { expect, test } from '@jest/globals';
import { OperationError } from '../../src/core/errors';
import { SeededRandom } from '../../src/core/random';
import type { Replica } from '../../src/core/replica';
import type { Command, Result } from '../../src/kv/commands';
import { KeyValueStore } from '../../src/kv/store';
import { Forgetting } from '../../src/server/forgetting';
import { virtualClock } from '../support/virtual-clock';

test('a server with a full table proposes to forget once at a time, and again when the table is full again', async () => {
  const { time, clock } = virtualClock();
  const store = new KeyValueStore([], { clients: 1, characters: 1000 });
  const proposed: Command[] = [];
  let fails = true;
  const submit = (command: Command): Promise<Result> => {
    proposed.push(command);
    if (fails) return Promise.reject(new OperationError('no-quorum', 'nobody answers'));
    return Promise.resolve(store.apply(command, proposed.length));
  };
  const forgetting = new Forgetting({
    ...{ store, clock, random: new SeededRandom(1), timeoutMs: 1000 },
    replica: { submit } as unknown as Replica<Command, Result>,
    fail: (error) => {
      throw error;
    },
  });
  const write = (client: string): void => {
    store.apply(
      { op: 'put', key: 'k', value: 'v', session: { client, sequence: 1, epoch: store.sessions.epoch } },
      1,
    );
    for (let i = 0; i < 3; i++) forgetting.notice();
  };
  forgetting.notice();
  await time.run(1000);
  expect(proposed).toEqual([]);
  write('ada');
  await time.run(1000);
  expect(proposed.map((command) => 'epoch' in command && command.epoch)).toEqual([0]);
  fails = false;
  forgetting.notice();
  await time.run(1000);
  write('bob');
  await time.run(1000);
  expect(proposed.map((command) => 'epoch' in command && command.epoch)).toEqual([0, 0, 1]);
});
