import { expect, test } from '@jest/globals';
import { Choices, type Choice, type Limits } from '../../../src/simulation/search/choices';

const NONE: Limits = { timers: 0, duplicates: 0, crashes: 0, writes: 'choices' };

function choicesWith(limits: Partial<Limits>): { choices: Choices; lines: () => string[] } {
  const choices = new Choices(
    { ...NONE, ...limits },
    (place) => `M${place}`,
    () => undefined,
  );
  return { choices, lines: () => choices.enabled.map(({ describe }) => describe()) };
}

function only(choices: Choices): Choice {
  expect(choices.enabled).toHaveLength(1);
  return choices.enabled[0]!;
}

const nothing = (): void => undefined;

test('a timer moves the clock to when it was due, uses up the supply of its place, and may fire before an earlier one', async () => {
  const { choices, lines } = choicesWith({ timers: 1 });
  choices.after(100, nothing, 'timer', 1);
  choices.after(300, nothing, 'timer', 1);
  choices.after(200, nothing, 'timer', 2);
  choices.after(Infinity, nothing, 'timer', 3);
  expect(lines()).toEqual([
    "M1's timer of 100 ms fires",
    "M1's timer of 300 ms fires",
    "M2's timer of 200 ms fires",
  ]);
  await choices.take(choices.enabled[1]!);
  expect(choices.now).toBe(300);
  await choices.take(only(choices));
  expect(choices.now).toBe(300);
  expect(lines()).toEqual([]);
});

test('a cancelled timer is no choice', () => {
  const { choices, lines } = choicesWith({ timers: 1 });
  choices.after(1, nothing, 'timer', 1)();
  expect(lines()).toEqual([]);
});

test('a message may arrive once more, as long as there is a supply', async () => {
  const { choices, lines } = choicesWith({ duplicates: 1 });
  let arrivals = 0;
  choices.describeNext(() => 'hello');
  choices.after(
    0,
    () => {
      arrivals++;
    },
    'message',
    1,
  );
  await choices.take(only(choices));
  expect(lines()).toEqual(['hello once more']);
  await choices.take(only(choices));
  expect(arrivals).toBe(2);
  expect(lines()).toEqual([]);
});

test('a crash takes timers and writes along, at its place, and no message', () => {
  const { choices, lines } = choicesWith({ timers: 1 });
  for (const place of [1, 2])
    for (const kind of ['write', 'message', 'timer'] as const) {
      if (kind !== 'timer') choices.describeNext(() => `${kind} ${place}`);
      choices.after(5, nothing, kind, place);
    }
  choices.forget(1);
  expect(lines()).toEqual(['message 2', 'write 2', 'message 1', "M2's timer of 5 ms fires"]);
});

test('writes are no choices when they are durable at once', () => {
  const { choices, lines } = choicesWith({ writes: 'at-once' });
  let isDurable = false;
  choices.after(
    5,
    () => {
      isDurable = true;
    },
    'write',
    1,
  );
  expect(isDurable).toBe(true);
  expect(lines()).toEqual([]);
});

test('what is not pending cannot be taken', async () => {
  const { choices } = choicesWith({});
  choices.after(0, nothing, 'message', 1);
  const choice = only(choices);
  await choices.take(choice);
  await expect(choices.take(choice)).rejects.toThrow('choice 0 is not pending');
});
