import { beforeEach, expect, test } from '@jest/globals';
import { CommandQueue } from '../../../src/protocols/multi-paxos/command-queue';
import { drain, type VirtualTime } from '../../../src/simulation/virtual-time';
import { virtualClock } from '../../support/virtual-clock';

const OPTIONS = { roundsInFlight: 3, roundSpacingMs: 50, maxQueued: 4, roundSlots: 2, roundCharacters: 1000 };

let time: VirtualTime;
let queue: CommandQueue;
/** The ids of each round, in the order of their starts. */
let rounds: string[];

beforeEach(() => {
  const { time: itsTime, clock } = virtualClock();
  time = itsTime;
  rounds = [];
  queue = new CommandQueue({
    clock,
    options: OPTIONS,
    start: (proposals) => {
      queue.roundStarted();
      rounds.push(proposals.map(({ value }) => value.id).join(''));
    },
  });
});

function add(...ids: string[]): void {
  for (const id of ids) queue.add({ value: { id, command: null }, settle: () => undefined });
}

test('commands of one moment travel together, as many as a round holds', async () => {
  add('a');
  add('b');
  expect(rounds).toEqual([]);
  await drain();
  expect(rounds).toEqual(['ab']);
});

test('what comes while a round is under way starts when it ends', async () => {
  add('a');
  await drain();
  add('b');
  await time.run(49);
  add('c');
  await drain();
  expect(rounds).toEqual(['a']);
  queue.roundEnded();
  expect(rounds).toEqual(['a', 'bc']);
});

test('a round that takes long is not waited for, up to so many of them', async () => {
  add('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
  await drain();
  expect(rounds).toEqual(['ab']);
  await time.run(50);
  expect(rounds).toEqual(['ab', 'cd']);
  await time.run(49);
  expect(rounds).toEqual(['ab', 'cd']);
  await time.run(1);
  expect(rounds).toEqual(['ab', 'cd', 'ef']);
  await time.run(1000);
  expect(rounds).toEqual(['ab', 'cd', 'ef']);
  queue.roundEnded();
  expect(rounds).toEqual(['ab', 'cd', 'ef', 'gh']);
});

test('a command that comes when the round under way is old starts at once', async () => {
  add('a');
  await drain();
  await time.run(60);
  add('b');
  await drain();
  expect(rounds).toEqual(['a', 'b']);
});

test('an ended round leaves its spacing to no other one', async () => {
  add('a');
  await drain();
  queue.roundEnded();
  await time.run(40);
  add('b');
  await drain();
  add('c');
  await time.run(49);
  expect(rounds).toEqual(['a', 'b']);
  await time.run(1);
  expect(rounds).toEqual(['a', 'b', 'c']);
});

test('it is full at its limit, and what is cleared starts no more', async () => {
  add('a', 'b', 'c');
  expect(queue.isFull).toBe(false);
  add('d');
  expect([queue.isFull, queue.length]).toEqual([true, 4]);
  expect(queue.clear().map(({ value }) => value.id)).toEqual(['a', 'b', 'c', 'd']);
  await drain();
  await time.run(100);
  expect(rounds).toEqual([]);
});
