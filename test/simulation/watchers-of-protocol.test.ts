import { describe, expect, test } from '@jest/globals';
import { StorageError } from '../../src/core/errors';
import { Observer } from '../../src/simulation/observer';
import { HIGH, LOW, NOTHING, sitesIn, tellStories, type Story } from '../support/watchers';

const STORIES: readonly Story[] = [
  [
    NOTHING,
    'a promise, votes, a value that is learned and applied, and a restart',
    (scene) => {
      scene.see(0, { kind: 'prepare-sent', slot: 1, ballot: LOW, attempt: 1 });
      scene.see(0, { kind: 'promised', slot: 1, ballot: LOW });
      scene.choose(1, 'a');
      scene.see(0, { kind: 'chosen', slot: 1, ballot: LOW, value: 'a' });
      scene.see(1, { kind: 'learned', slot: 1, value: 'a' });
      scene.apply(0, 1, 'a');
      scene.observer.booted(0);
      scene.apply(0, 1, 'a');
      scene.observer.execute(0, 0, 'a');
      scene.observer.restore(1, ['a']);
    },
  ],
  [
    'ballot used twice',
    'two proposals under one ballot, in different slots too',
    (scene) => {
      const sent = { kind: 'prepare-sent', slot: 1, ballot: LOW, attempt: 1 } as const;
      scene.see(0, sent, { ...sent, slot: 2 });
    },
  ],
  [
    'promise broken',
    'a promise below one that was given',
    (scene) => {
      scene.see(0, { kind: 'promised', slot: 1, ballot: HIGH }, { kind: 'promised', slot: 1, ballot: LOW });
    },
  ],
  [
    'promise broken',
    'a vote below a promise, also after a restart',
    (scene) => {
      scene.see(0, { kind: 'promised', slot: 1, ballot: HIGH });
      scene.observer.booted(0);
      scene.see(0, { kind: 'accepted', slot: 1, ballot: LOW, value: 'a' });
    },
  ],
  [
    'two values under one ballot',
    'votes for different values under one ballot',
    (scene) => {
      scene.see(0, { kind: 'accepted', slot: 1, ballot: LOW, value: 'a' });
      scene.see(1, { kind: 'accepted', slot: 1, ballot: LOW, value: 'b' });
    },
  ],
  [
    'two values chosen',
    'a quorum votes for another value, and no server has learned of either',
    (scene) => {
      scene.choose(1, 'a');
      scene.choose(1, 'b', HIGH);
    },
  ],
  [
    'learned but not chosen',
    'a proposer announces a value with a single vote',
    (scene) => {
      scene.see(0, { kind: 'accepted', slot: 1, ballot: LOW, value: 'a' });
      scene.see(0, { kind: 'chosen', slot: 1, ballot: LOW, value: 'a' });
    },
  ],
  [
    'learned but not chosen',
    'a learner takes another value for the chosen one',
    (scene) => {
      scene.choose(1, 'a');
      scene.see(2, { kind: 'learned', slot: 1, value: 'b' });
    },
  ],
  [
    'applied but not chosen',
    'a value without votes is applied',
    (scene) => {
      scene.apply(0, 1, 'a');
    },
  ],
  [
    'applied out of order',
    'a slot is left out',
    (scene) => {
      for (const slot of [1, 2, 3]) scene.choose(slot, 'a');
      scene.apply(0, 1, 'a');
      scene.apply(0, 3, 'a');
    },
  ],
  [
    'logs differ',
    'two servers apply different values in one slot',
    (scene) => {
      scene.choose(1, 'a');
      scene.apply(0, 1, 'a');
      scene.apply(1, 1, 'b');
    },
  ],
  [
    'logs differ',
    'two machines carry out different commands at one position',
    (scene) => {
      scene.observer.execute(0, 0, 'a');
      scene.observer.execute(1, 0, 'b');
    },
  ],
  [
    'logs differ',
    'a machine leaves out a command',
    (scene) => {
      scene.observer.execute(0, 1, 'a');
    },
  ],
  [
    'applied twice',
    'a command at two positions',
    (scene) => {
      scene.observer.execute(0, 0, 'a');
      scene.observer.execute(0, 1, 'a');
    },
  ],
  [
    'logs differ',
    'a state that is taken over was made by other commands',
    (scene) => {
      scene.observer.execute(0, 0, 'a');
      scene.observer.restore(1, ['b']);
    },
  ],
  [
    'unexpected error',
    'an error that nobody foresaw',
    (scene) => {
      scene.observer.unexpected(0, new Error('a defect'));
    },
  ],
];

describe('the observer of the protocol', () => {
  tellStories(
    STORIES,
    sitesIn('simulation/observer.ts', ['fail', '#useBallot', '#promise', '#vote', '#apply', 'execute']),
  );

  test('takes it for granted that a server stops at a failed sync', () => {
    const observer = new Observer(3);
    observer.unexpected(0, new StorageError('the disk failed a sync'));
    expect(() => {
      observer.check();
    }).not.toThrow();
  });
});
