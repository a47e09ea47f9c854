import { describe } from '@jest/globals';
import { slotKey } from '../../src/core/keys';
import { WINDOW } from '../../src/kv/sessions';
import { ACCEPTED } from '../../src/protocols/paxos/acceptor';
import { DELETE, FIRST, OF_SESSIONS, put, PUT, SWAP, WITHOUT_SESSIONS } from '../support/session-stories';
import { commandOf, LOW, NOTHING, sitesIn, tellStories, type Scene, type Story } from '../support/watchers';

const WRONG = { replaced: true, slot: 1 };
const VALUE = { found: true, value: 'v', applied: 1 };
const ENTRIES = { entries: [{ key: 'k', value: 'v' }], more: false, applied: 1 };

const OF_THE_LOG: readonly Story[] = [
  ...OF_SESSIONS,
  ...WITHOUT_SESSIONS,
  [
    NOTHING,
    'each kind of write, the second copy of one, and a second server that does the same',
    (scene) => {
      put(scene);
      scene.write(SWAP, { swapped: true, actual: 'v', slot: 2 });
      scene.write(DELETE, { deleted: true, slot: 3 });
      scene.oracle.applied(0, 4, commandOf(PUT), { op: 'put', ...FIRST }, 'd');
      scene.carryOut(1, PUT, FIRST);
    },
  ],
  [
    NOTHING,
    'a copy so late that its result is forgotten',
    (scene) => {
      put(scene);
      scene.write({ ...DELETE, sequence: WINDOW + 1 }, { deleted: true, slot: 2 });
      scene.oracle.applied(0, 3, commandOf(PUT), { op: 'stale', because: 'sequence', epoch: 0 }, 'd');
    },
  ],
  [
    'nobody asked for it',
    'a command without a client',
    (scene) => {
      scene.oracle.applied(0, 1, { ...commandOf(PUT), session: null }, { op: 'put', ...FIRST }, 'd');
    },
  ],
  [
    'nobody asked for it',
    'a write that its client has not sent',
    (scene) => {
      scene.carryOut(0, PUT, FIRST);
    },
  ],
  [
    'nobody asked for it',
    'another value than the client has sent',
    (scene) => {
      scene.oracle.invoked(PUT);
      scene.carryOut(0, { ...PUT, value: 'w' }, FIRST);
    },
  ],
  [
    'failed but took effect',
    'a client is told that its write failed, then it is carried out',
    (scene) => {
      scene.oracle.invoked(PUT);
      scene.oracle.refused(PUT);
      scene.carryOut(0, PUT, FIRST);
    },
  ],
  [
    'failed but took effect',
    'a write is carried out, then its client is told that it failed',
    (scene) => {
      put(scene);
      scene.oracle.refused(PUT);
    },
  ],
  [
    'logs differ',
    'two servers carry out different commands in one slot',
    (scene) => {
      put(scene);
      scene.oracle.invoked(DELETE);
      scene.carryOut(1, DELETE, { deleted: true, slot: 1 });
    },
  ],
  [
    'logs differ',
    'a slot that another server has left out',
    (scene) => {
      scene.write(PUT, { replaced: false, slot: 2 });
      scene.write(DELETE, { deleted: false, slot: 1 });
    },
  ],
  [
    'results differ',
    'two servers with different results of one command',
    (scene) => {
      put(scene);
      scene.carryOut(1, PUT, WRONG);
    },
  ],
  [
    'states differ',
    'two servers with different stores after one command',
    (scene) => {
      put(scene);
      scene.carryOut(1, PUT, FIRST, 'another digest');
    },
  ],
  [
    'wrong result',
    'a put that replaces nothing, and says that it did',
    (scene) => {
      scene.write(PUT, WRONG);
    },
  ],
  [
    'wrong result',
    'a delete that finds nothing where a value was',
    (scene) => {
      put(scene);
      scene.write(DELETE, { deleted: false, slot: 2 });
    },
  ],
  [
    'wrong result',
    'a swap where another value was',
    (scene) => {
      put(scene);
      scene.write({ ...SWAP, expect: 'x' }, { swapped: true, actual: 'v', slot: 2 });
    },
  ],
  [
    'wrong result',
    'a second copy that is carried out again',
    (scene) => {
      put(scene);
      scene.carryOut(0, PUT, { replaced: true, slot: 2 });
    },
  ],
  [
    'wrong result',
    'a copy whose result is said to be forgotten, much too early',
    (scene) => {
      put(scene);
      scene.write({ ...DELETE, sequence: WINDOW }, { deleted: true, slot: 2 });
      scene.oracle.applied(0, 3, commandOf(PUT), { op: 'stale', because: 'sequence', epoch: 0 }, 'd');
    },
  ],
];

/** The disks of servers 0 to `count` - 1 hold the vote for PUT in slot 1. */
function voteOnDisks(scene: Scene, count: number): void {
  for (let server = 0; server < count; server++)
    scene.store(server, slotKey(ACCEPTED, 1), { ballot: LOW, value: { id: '1', command: commandOf(PUT) } });
}

const OF_ANSWERS: readonly Story[] = [
  [
    NOTHING,
    'answers as they should be',
    (scene) => {
      put(scene);
      voteOnDisks(scene, 2);
      scene.oracle.acknowledge(PUT, FIRST);
      scene.oracle.showed(0, { result: VALUE });
      scene.oracle.showed(1, { result: { ...VALUE, applied: 0 } });
      scene.oracle.showed(0, { error: { code: 1, message: 'not now' } });
      scene.oracle.shown({ key: 'k', read: 'linearizable' }, VALUE, 1);
      scene.oracle.shown({ key: 'k', read: 'local' }, { found: false, applied: 0 }, 1);
      scene.oracle.listed({ read: 'linearizable' }, ENTRIES, 1);
      scene.oracle.listed({ limit: 1 }, ENTRIES, 1);
      scene.oracle.listed({ prefix: 'x' }, { ...ENTRIES, entries: [] }, 1);
      scene.oracle.listed({ after: 'k' }, { ...ENTRIES, entries: [] }, 1);
    },
  ],
  [
    NOTHING,
    'reads of each state that a key went through',
    (scene) => {
      put(scene);
      scene.write(SWAP, { swapped: true, actual: 'v', slot: 2 });
      scene.write(DELETE, { deleted: true, slot: 3 });
      scene.oracle.shown({ key: 'k' }, VALUE, 0);
      scene.oracle.shown({ key: 'k' }, { found: true, value: 'w', applied: 2 }, 0);
      scene.oracle.shown({ key: 'k' }, { found: false, applied: 3 }, 0);
    },
  ],
  [
    'answered too early',
    'a write that no server has carried out',
    (scene) => {
      scene.oracle.invoked(PUT);
      scene.oracle.acknowledge(PUT, FIRST);
    },
  ],
  [
    'wrong result',
    'a client gets another result than the servers have',
    (scene) => {
      put(scene);
      voteOnDisks(scene, 2);
      scene.oracle.acknowledge(PUT, WRONG);
    },
  ],
  [
    'read that goes back in time',
    'a server shows less than it has shown',
    (scene) => {
      scene.oracle.showed(0, { result: VALUE });
      scene.oracle.showed(0, { result: { found: false, applied: 0 } });
    },
  ],
  [
    'stale read',
    'a linearizable get below an acknowledged write',
    (scene) => {
      put(scene);
      scene.oracle.shown({ key: 'k', read: 'linearizable' }, { found: false, applied: 0 }, 1);
    },
  ],
  [
    'stale read',
    'a linearizable list below an acknowledged write',
    (scene) => {
      put(scene);
      scene.oracle.listed({ read: 'linearizable' }, { entries: [], more: false, applied: 0 }, 1);
    },
  ],
  [
    'wrong value',
    'a get shows what was never written',
    (scene) => {
      put(scene);
      scene.oracle.shown({ key: 'k' }, { ...VALUE, value: 'w' }, 0);
    },
  ],
  [
    'wrong value',
    'a get finds nothing where a value is',
    (scene) => {
      put(scene);
      scene.oracle.shown({ key: 'k' }, { found: false, applied: 1 }, 0);
    },
  ],
  [
    'wrong list',
    'a list leaves out an entry',
    (scene) => {
      put(scene);
      scene.oracle.listed({}, { ...ENTRIES, entries: [] }, 0);
    },
  ],
  [
    'wrong list',
    'a list hides that there is more',
    (scene) => {
      put(scene);
      scene.write({ ...PUT, key: 'l', sequence: 2 }, { replaced: false, slot: 2 });
      scene.oracle.listed({ limit: 1 }, { ...ENTRIES, applied: 2 }, 0);
    },
  ],
  [
    NOTHING,
    'clients are told of writes whose results nobody keeps: too old, of another epoch, or too large',
    (scene) => {
      put(scene);
      scene.write({ ...DELETE, sequence: WINDOW + 1 }, { deleted: true, slot: 2 });
      scene.oracle.forgotten(PUT);
      for (const epoch of [0, 1, 2]) scene.forget(epoch, 3 + epoch);
      scene.oracle.forgotten({ ...PUT, sequence: WINDOW + 2, epoch: 1 });
      const swap = { ...SWAP, sequence: WINDOW + 3, epoch: 3 };
      scene.write(swap, { swapped: false, actual: null, slot: 6 });
      scene.oracle.forgotten(swap);
    },
  ],
  [
    'forgotten too early',
    'a client is told that nobody knows its write, whose result is kept',
    (scene) => {
      put(scene);
      scene.oracle.forgotten(PUT);
    },
  ],
  [
    'forgotten too early',
    'a client is told that nobody knows its write, which could be carried out still',
    (scene) => {
      put(scene);
      scene.oracle.forgotten({ ...DELETE, epoch: 0 });
    },
  ],
];

describe('the oracle: what servers carry out and tell', () => {
  tellStories(
    [...OF_THE_LOG, ...OF_ANSWERS],
    sitesIn('simulation/oracle.ts', ['#?fail', '#checkFloor', '#replay', '#carryOut']),
  );
});
