import { describe, expect, test } from '@jest/globals';
import { StorageError } from '../../src/core/errors';
import { gather } from '../../src/core/gather';
import { InvariantViolation } from '../../src/core/invariant';
import { virtualClock, watch, type Settled } from '../support/virtual-clock';

interface Question {
  readonly member: number;
  readonly answer: (reply: string) => void;
  readonly fail: (error: Error) => void;
}

function startGathering(
  needed: number,
  first?: readonly number[],
): {
  time: ReturnType<typeof virtualClock>['time'];
  asked: Question[];
  seen: string[];
  resends: number[];
  result: Settled<string | undefined>;
} {
  const { time, clock } = virtualClock();
  const asked: Question[] = [];
  const seen: string[] = [];
  const resends: number[] = [];
  const result = watch(
    gather<string, string>({
      members: [0, 1, 2],
      first: first && { members: first, isRefusal: (reply) => reply === 'no' },
      clock,
      resendMs: 10,
      deadlineMs: 100,
      ask: (member) =>
        new Promise((resolve, reject) => {
          asked.push({ member, answer: resolve, fail: reject });
        }),
      decide: (replies, resent) => {
        resends.push(resent);
        seen.push([...replies].map(([member, reply]) => `${member}:${reply}`).join());
        return replies.size >= needed ? [...replies.values()].join('') : undefined;
      },
    }),
  );
  return { time, asked, seen, resends, result };
}

describe('gathering answers', () => {
  test('everybody is asked at once, and the first verdict counts', async () => {
    const { time, asked, result } = startGathering(2);
    expect(asked.map(({ member }) => member)).toEqual([0, 1, 2]);
    asked[2]!.answer('c');
    await time.run(1);
    expect(result.state).toBe('pending');
    asked[0]!.answer('a');
    await time.run(1);
    expect(result).toEqual({ state: 'resolved', value: 'ca' });
  });

  test('what was heard is looked at once more at the deadline', async () => {
    const { time, clock } = virtualClock();
    const result = watch(
      gather<string, string>({
        members: [0, 1],
        clock,
        resendMs: 1000,
        deadlineMs: 100,
        ask: (member) => (member === 0 ? Promise.resolve('refused') : new Promise(() => undefined)),
        decide: (replies, resends) => (resends === Infinity ? [...replies.values()].join() : undefined),
      }),
    );
    await time.run(99);
    expect(result.state).toBe('pending');
    await time.run(2);
    expect(result).toEqual({ state: 'resolved', value: 'refused' });
  });

  test('a member counts once, however often it answers', async () => {
    const { time, asked, seen, result } = startGathering(2);
    await time.run(35);
    expect(asked.map(({ member }) => member)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
    asked[0]!.answer('first');
    asked[3]!.answer('second');
    asked[6]!.answer('third');
    await time.run(1);
    expect(result.state).toBe('pending');
    expect(seen.filter((replies) => replies !== '')).toEqual(['0:first']);
  });

  test('only silent members are asked again, after pauses that double', async () => {
    const { time, asked, resends } = startGathering(3);
    asked[1]!.answer('b');
    await time.run(9);
    expect(asked).toHaveLength(3);
    await time.run(2);
    expect(asked.slice(3).map(({ member }) => member)).toEqual([0, 2]);
    await time.run(18);
    expect(asked).toHaveLength(5);
    await time.run(2);
    expect(asked.slice(5).map(({ member }) => member)).toEqual([0, 2]);
    expect(resends).toEqual([0, 1, 2]);
  });

  test('a member that fails to answer is silent, not a refusal', async () => {
    const { time, asked, result } = startGathering(3);
    for (const { fail } of asked) fail(new Error('connection lost'));
    await time.run(11);
    expect(result.state).toBe('pending');
    for (const { answer } of asked.slice(3)) answer('x');
    await time.run(1);
    expect(result).toEqual({ state: 'resolved', value: 'xxx' });
  });

  test('without a verdict it ends at the deadline', async () => {
    const { time, asked, result } = startGathering(3);
    asked[0]!.answer('a');
    await time.run(99);
    expect(result.state).toBe('pending');
    await time.run(1);
    expect(result).toEqual({ state: 'resolved', value: undefined });
  });

  test('what comes after the end is dropped, and nobody is asked any more', async () => {
    const { time, asked, seen, result } = startGathering(1);
    asked[0]!.answer('a');
    await time.run(1);
    asked[1]!.answer('b');
    asked[2]!.fail(new StorageError('disk'));
    await time.run(1000);
    expect(result).toEqual({ state: 'resolved', value: 'a' });
    expect(seen).toEqual(['0:a']);
    expect(asked).toHaveLength(3);
  });

  test.each([new StorageError('disk'), new InvariantViolation('broken')])(
    'after %s nothing goes on',
    async (error) => {
      const { time, asked, result } = startGathering(2);
      asked[0]!.fail(error);
      await time.run(1000);
      expect(result).toEqual({ state: 'rejected', error });
      expect(asked).toHaveLength(3);
    },
  );
});

describe('gathering answers of some first', () => {
  const membersOf = (asked: readonly Question[]): number[] => asked.map(({ member }) => member);

  test('when they suffice, nobody else is asked', async () => {
    const { time, asked, result } = startGathering(2, [2, 0]);
    expect(membersOf(asked)).toEqual([2, 0]);
    for (const { answer } of asked) answer('yes');
    await time.run(1000);
    expect(result).toEqual({ state: 'resolved', value: 'yesyes' });
    expect(asked).toHaveLength(2);
  });

  test('when one is late, the others are asked, and it is asked again', async () => {
    const { time, asked, resends, result } = startGathering(2, [2, 0]);
    asked[0]!.answer('yes');
    await time.run(9);
    expect(asked).toHaveLength(2);
    await time.run(2);
    expect(membersOf(asked).slice(2)).toEqual([0, 1]);
    // Not all had been asked before: their silence says nothing yet.
    expect(resends).toEqual([0, 0]);
    asked[3]!.answer('yes');
    await time.run(1);
    expect(result.state).toBe('resolved');
  });

  test.each<[string, string | Error]>([
    ['refuses', 'no'],
    ['fails', new Error('connection lost')],
  ])('when one %s, the others are asked at once, and once', async (_, reaction) => {
    const { time, asked } = startGathering(3, [2, 0]);
    for (const { answer, fail } of [...asked])
      if (reaction instanceof Error) fail(reaction);
      else answer(reaction);
    await time.run(1);
    expect(membersOf(asked)).toEqual([2, 0, 1]);
  });

  test('after a verdict a failure asks nobody', async () => {
    const { time, asked } = startGathering(1, [2, 0]);
    asked[0]!.answer('yes');
    asked[1]!.fail(new Error('connection lost'));
    await time.run(1000);
    expect(asked).toHaveLength(2);
  });
});
