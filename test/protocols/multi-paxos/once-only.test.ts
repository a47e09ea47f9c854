import { describe, expect, test } from '@jest/globals';
import type { CommandReply } from '../../../src/protocols/multi-paxos/messages';
import { OnceOnly, type ProposeCall } from '../../../src/protocols/multi-paxos/once-only';

const CHOSEN: CommandReply = { kind: 'chosen', slot: 1 };
const OVERLOADED: CommandReply = { kind: 'overloaded' };
const OVERTAKEN: CommandReply = { kind: 'overtaken' };
const KEPT = 10_000;
/** Below the highest number of a server so many are known one by one. */
const WINDOW = 2 ** 18;

function call(id: string, { attempt = 1, round = 1 } = {}): ProposeCall {
  return { ballot: { round, server: 0 }, id, attempt };
}

/** Has so many further values of another server proposed that no reply of an earlier one is kept. */
async function forgetReplies(onceOnly: OnceOnly, round = 1): Promise<void> {
  const { propose } = proposals();
  for (let number = 1; number <= KEPT; number++)
    await onceOnly.run(call(`9.1.${round * KEPT + number}`, { round }), propose);
}

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
    const together = [onceOnly.run(call('0.1.1'), made.propose), onceOnly.run(call('0.1.1'), made.propose)];
    expect(await Promise.all(together)).toEqual([CHOSEN, CHOSEN]);
    expect(await onceOnly.run(call('0.1.1'), made.propose)).toEqual(CHOSEN);
    expect(made.count).toBe(1);
  });

  test('propose each value of each server and incarnation', async () => {
    const [onceOnly, made] = [new OnceOnly(), proposals()];
    for (const id of ['0.1.1', '0.1.2', '0.2.1', '1.1.1']) await onceOnly.run(call(id), made.propose);
    expect(made.count).toBe(4);
  });

  test('may come again, to the next leader, when this one did not propose it', async () => {
    const [onceOnly, refused, made] = [new OnceOnly(), proposals({ kind: 'not-leading' }), proposals()];
    expect(await onceOnly.run(call('0.1.1'), refused.propose)).toEqual({ kind: 'not-leading' });
    expect(await onceOnly.run(call('0.1.1'), made.propose)).toEqual(CHOSEN);
  });

  test('do not propose it again when its leader was overtaken', async () => {
    const [onceOnly, lost, made] = [new OnceOnly(), proposals({ kind: 'overtaken' }), proposals()];
    await onceOnly.run(call('0.1.1'), lost.propose);
    expect(await onceOnly.run(call('0.1.1'), made.propose)).toEqual({ kind: 'overtaken' });
    expect(made.count).toBe(0);
  });

  test('are a new attempt only when the sender says so: a late duplicate of a refused one stays refused', async () => {
    const [onceOnly, refused, made] = [new OnceOnly(), proposals(OVERLOADED), proposals()];
    expect(await onceOnly.run(call('0.1.1'), refused.propose)).toEqual(OVERLOADED);
    expect(await onceOnly.run(call('0.1.1'), made.propose)).toEqual(OVERLOADED);
    expect(made.count).toBe(0);
    expect(await onceOnly.run(call('0.1.1', { attempt: 2 }), made.propose)).toEqual(CHOSEN);
    expect(await onceOnly.run(call('0.1.1', { attempt: 2 }), made.propose)).toEqual(CHOSEN);
    expect(made.count).toBe(1);
  });

  test('are proposed once however many others wait for their reply', async () => {
    const onceOnly = new OnceOnly();
    let count = 0;
    const never = (): Promise<CommandReply> => {
      count++;
      return new Promise(() => undefined);
    };
    for (let number = 1; number <= 2 * KEPT; number++) void onceOnly.run(call(`0.1.${number}`), never);
    void onceOnly.run(call('0.1.1'), never);
    const answered = await Promise.race([onceOnly.run(call('0.1.2'), never), Promise.resolve('waits')]);
    expect([answered, count]).toEqual(['waits', 2 * KEPT]);
  });
});

describe('calls whose reply is no longer kept', () => {
  test('are not proposed again; those that come for the first time are, in whatever order', async () => {
    const [onceOnly, made, late] = [new OnceOnly(), proposals(), proposals()];
    for (const id of ['0.1.5', '0.1.40', '0.1.3']) await onceOnly.run(call(id), made.propose);
    await forgetReplies(onceOnly);
    for (const id of ['0.1.5', '0.1.40', '0.1.3'])
      expect(await onceOnly.run(call(id), late.propose)).toEqual(OVERTAKEN);
    expect(late.count).toBe(0);
    for (const id of ['0.1.1', '0.1.2', '0.1.4', '0.1.8', '0.1.39', '0.1.41', '1.1.5', '0.2.5'])
      expect(await onceOnly.run(call(id), late.propose)).toEqual(CHOSEN);
  });

  test('are not proposed again under their ballot, and may be under another', async () => {
    const [onceOnly, made, late] = [new OnceOnly(), proposals(), proposals()];
    await onceOnly.run(call('0.1.5'), made.propose);
    await forgetReplies(onceOnly);
    expect(await onceOnly.run(call('0.1.5', { round: 2 }), late.propose)).toEqual(CHOSEN);
  });

  test('are proposed again in a further attempt, which only repeatable values have', async () => {
    const [onceOnly, made, late] = [new OnceOnly(), proposals(), proposals()];
    for (const attempt of [1, 2]) await onceOnly.run(call('0.1.5', { attempt }), made.propose);
    await forgetReplies(onceOnly);
    expect(await onceOnly.run(call('0.1.5'), late.propose)).toEqual(OVERTAKEN);
    expect(await onceOnly.run(call('0.1.5', { attempt: 2 }), late.propose)).toEqual(CHOSEN);
    expect(await onceOnly.run(call('0.1.6'), late.propose)).toEqual(CHOSEN);
  });

  test('were not proposed if their leader led no more: they get the same answer again', async () => {
    const [onceOnly, refused] = [new OnceOnly(), proposals({ kind: 'not-leading' })];
    await onceOnly.run(call('0.1.5'), refused.propose);
    await forgetReplies(onceOnly);
    expect(await onceOnly.run(call('0.1.5'), refused.propose)).toEqual({ kind: 'not-leading' });
    expect(refused.count).toBe(2);
  });

  test('are taken for proposed when they are further behind than is known, or of an earlier incarnation', async () => {
    const [onceOnly, made, late] = [new OnceOnly(), proposals(), proposals()];
    for (const id of ['0.2.1', `0.2.${WINDOW + 1}`]) await onceOnly.run(call(id), made.propose);
    await forgetReplies(onceOnly);
    expect(await onceOnly.run(call('0.2.1'), late.propose)).toEqual(OVERTAKEN);
    expect(await onceOnly.run(call('0.1.7'), late.propose)).toEqual(OVERTAKEN);
    expect(late.count).toBe(0);
    expect(await onceOnly.run(call('0.2.2'), late.propose)).toEqual(CHOSEN);
  });

  test('are taken for proposed in terms so old that nothing is known of them', async () => {
    const [onceOnly, made, late] = [new OnceOnly(), proposals(), proposals()];
    for (let round = 1; round <= 101; round++) await onceOnly.run(call('0.1.5', { round }), made.propose);
    await forgetReplies(onceOnly, 102);
    expect(await onceOnly.run(call('0.1.5'), late.propose)).toEqual(OVERTAKEN);
    expect(await onceOnly.run(call('0.1.6'), late.propose)).toEqual(OVERTAKEN);
    expect(late.count).toBe(0);
    expect(await onceOnly.run(call('0.1.6', { round: 2 }), late.propose)).toEqual(CHOSEN);
  });
});
