import { expect, test } from '@jest/globals';
import { Rounds } from '../../../src/protocols/log/rounds';
import { ValueIds } from '../../../src/protocols/log/value-ids';
import { MemoryStorage } from '../../../src/storage/memory-storage';

test('no id is used twice, by whatever server, in whatever incarnation', async () => {
  const made: string[] = [];
  for (const self of [0, 1]) {
    const rounds = new Rounds(new MemoryStorage());
    for (let start = 0; start < 3; start++) {
      const ids = new ValueIds(self);
      expect(ids.incarnation).toBe(0);
      await ids.begin(rounds);
      for (let i = 0; i < 3; i++) made.push(ids.next());
    }
  }
  expect(new Set(made).size).toBe(18);
});
