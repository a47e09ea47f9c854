import { describe, expect, test } from '@jest/globals';
import type { CommandReply } from '../../../src/protocols/multi-paxos/messages';
import { OnceOnly } from '../../../src/protocols/multi-paxos/once-only';

const CHOSEN: CommandReply = { kind: 'chosen', slot: 1 };
/** As many replies as are kept, and one more. */
const MORE_THAN_KEPT = 10_001;

/** Proposes, and counts how often that happens. */
function proposals(reply: CommandReply = CHOSEN): { count: number; propose: () => Promise<CommandReply> } {
  const made = {
    count: 0,
    propose: () => {
      made.count++;
      return Promise.resolve(reply);
    },
  };
  return made;
}

describe('calls that propose a value', () => {
  test('propose it once, whether they are repeated before or after the reply', async () => {
    const [onceOnly, made] = [new OnceOnly(), proposals()];
    const together = [onceOnly.run('0.1.1', made.propose), onceOnly.run('0.1.1', made.propose)];
    expect(await Promise.all(together)).toEqual([CHOSEN, CHOSEN]);
    expect(await onceOnly.run('0.1.1', made.propose)).toEqual(CHOSEN);
    expect(made.count).toBe(1);
  });

  test('propose each value of each server and incarnation', async () => {
    const [onceOnly, made] = [new OnceOnly(), proposals()];
    for (const id of ['0.1.1', '0.1.2', '0.2.1', '1.1.1']) await onceOnly.run(id, made.propose);
    expect(made.count).toBe(4);
  });

  test('may come again, to the next leader, when this one did not propose it', async () => {
    const [onceOnly, refused, made] = [new OnceOnly(), proposals({ kind: 'not-leading' }), proposals()];
    expect(await onceOnly.run('0.1.1', refused.propose)).toEqual({ kind: 'not-leading' });
    expect(await onceOnly.run('0.1.1', made.propose)).toEqual(CHOSEN);
  });

  test('do not propose it again when its leader was overtaken', async () => {
    const [onceOnly, lost, made] = [new OnceOnly(), proposals({ kind: 'overtaken' }), proposals()];
    await onceOnly.run('0.1.1', lost.propose);
    expect(await onceOnly.run('0.1.1', made.propose)).toEqual({ kind: 'overtaken' });
    expect(made.count).toBe(0);
  });

  test('that come later than any reply is kept are not proposed again; those of others are', async () => {
    const [onceOnly, made] = [new OnceOnly(), proposals()];
    for (let number = 1; number <= MORE_THAN_KEPT; number++)
      await onceOnly.run(`0.1.${number}`, made.propose);
    const late = proposals();
    expect(await onceOnly.run('0.1.1', late.propose)).toEqual({ kind: 'overtaken' });
    expect(late.count).toBe(0);
    expect(await onceOnly.run('1.1.1', late.propose)).toEqual(CHOSEN);
    expect(await onceOnly.run('0.2.1', late.propose)).toEqual(CHOSEN);
  });
});
