import { describe } from '@jest/globals';
import { formatBallot, type Ballot, type Slot } from '../../src/core/ballot';
import { slotKey } from '../../src/core/keys';
import { APPLIED } from '../../src/protocols/log/stored-state';
import { ACCEPTED, PROMISED } from '../../src/protocols/multi-paxos/acceptor';
import type { ClientWrite } from '../../src/simulation/client-writes';
import {
  commandOf,
  HIGH,
  LOW,
  NOTHING,
  sitesIn,
  tellStories,
  type Scene,
  type Story,
} from '../support/watchers';

const PUT: ClientWrite = { method: 'kv.put', key: 'k', value: 'v', client: 'c', sequence: 1 };
const OTHER = { ...PUT, sequence: 2 };
const SECOND = { replaced: true, slot: 2 };

function entriesFor(slots: readonly Slot[], write = PUT): object[] {
  return slots.map((slot) => ({ slot, value: { id: `${slot}`, command: commandOf(write) } }));
}

/** Server 0 answers a peer that it promises, for all slots. */
function promise(scene: Scene, ballot: Ballot): void {
  scene.durability.answered(0, 'acceptor.prepare', { from: 1, ballot }, '{"kind":"promised"}');
}

/** Server 0 answers a peer that it accepts all these slots, but those below the floor. */
function vote(scene: Scene, ballot: Ballot, slots: readonly Slot[], floor = 1): void {
  const answer = JSON.stringify({ kind: 'accepted', ballot, floor });
  scene.durability.answered(0, 'acceptor.accept', { ballot, entries: entriesFor(slots) }, answer);
}

/** As an acceptor does: the votes of one message together. */
function storeVotes(scene: Scene, server: number, ballot: Ballot, slots: readonly Slot[], write = PUT): void {
  const key = `${slotKey(ACCEPTED, slots[0] ?? 0)}/${formatBallot(ballot)}`;
  scene.store(server, key, { ballot, entries: entriesFor(slots, write) });
}

/** PUT is carried out in slot 2, and its client is told so. */
function acknowledge(scene: Scene): void {
  scene.oracle.invoked(OTHER);
  scene.carryOut(0, OTHER, { replaced: false, slot: 1 });
  scene.write(PUT, SECOND);
  scene.oracle.acknowledge(PUT, SECOND);
}

const STORIES: readonly Story[] = [
  [
    NOTHING,
    'a promise and votes that are on the disk, and answers that bind to nothing',
    (scene) => {
      scene.store(0, PROMISED, HIGH);
      promise(scene, LOW);
      promise(scene, HIGH);
      storeVotes(scene, 0, HIGH, [1, 2, 3]);
      vote(scene, HIGH, [1, 2, 3]);
      const asked = { from: 1, ballot: { round: 9, server: 0 }, entries: entriesFor([1]) };
      scene.durability.answered(0, 'acceptor.prepare', asked, '{"kind":"rejected"}');
      scene.durability.answered(0, 'acceptor.accept', asked, '{"kind":"rejected"}');
      scene.durability.answered(0, 'acceptor.heartbeat', asked, '{"kind":"following"}');
    },
  ],
  [
    NOTHING,
    'votes that are on the disk in several messages, under later ballots, or in the state',
    (scene) => {
      scene.store(0, PROMISED, HIGH);
      scene.store(0, APPLIED, 1);
      storeVotes(scene, 0, LOW, [2, 3]);
      storeVotes(scene, 0, HIGH, [3, 4]);
      vote(scene, LOW, [1, 2, 3]);
      vote(scene, LOW, [2]);
    },
  ],
  [
    NOTHING,
    'no vote in slots that the answer says are below the floor',
    (scene) => {
      scene.store(0, PROMISED, LOW);
      storeVotes(scene, 0, LOW, [3]);
      vote(scene, LOW, [1, 2, 3], 3);
    },
  ],
  [
    'said before durable',
    'a promise that is not on the disk, though votes below it are',
    (scene) => {
      scene.store(0, PROMISED, LOW);
      storeVotes(scene, 0, LOW, [1]);
      promise(scene, HIGH);
    },
  ],
  [
    'said before durable',
    'votes without the promise of their ballot: it goes with them when they are dropped',
    (scene) => {
      scene.store(0, PROMISED, LOW);
      storeVotes(scene, 0, HIGH, [1]);
      vote(scene, HIGH, [1]);
    },
  ],
  [
    'said before durable',
    'votes of which the disk has all but one',
    (scene) => {
      scene.store(0, PROMISED, LOW);
      storeVotes(scene, 0, LOW, [1, 2]);
      vote(scene, LOW, [1, 2, 3]);
    },
  ],
  [
    'said before durable',
    'a vote under a higher ballot than the one on the disk',
    (scene) => {
      scene.store(0, PROMISED, HIGH);
      storeVotes(scene, 0, LOW, [1, 2]);
      vote(scene, HIGH, [2]);
    },
  ],
  [
    NOTHING,
    'a write on two of three disks, on one of them in the middle of a message',
    (scene) => {
      storeVotes(scene, 0, LOW, [1, 2, 3]);
      storeVotes(scene, 2, HIGH, [2]);
      acknowledge(scene);
    },
  ],
  [
    NOTHING,
    'a write on one disk, and in the state on another one',
    (scene) => {
      storeVotes(scene, 0, LOW, [2]);
      scene.store(1, APPLIED, 2);
      acknowledge(scene);
    },
  ],
  [
    'acknowledged before durable',
    'a write on one of three disks, and votes for other slots on the others',
    (scene) => {
      storeVotes(scene, 0, LOW, [2]);
      storeVotes(scene, 1, LOW, [1]);
      storeVotes(scene, 2, LOW, [3]);
      acknowledge(scene);
    },
  ],
  [
    'acknowledged before durable',
    'a write on two disks, on one of which a later vote is for another write',
    (scene) => {
      for (const server of [0, 1]) storeVotes(scene, server, LOW, [1, 2]);
      storeVotes(scene, 1, HIGH, [2], OTHER);
      acknowledge(scene);
    },
  ],
];

describe('the observer of the disks, where one promise holds for all slots', () => {
  tellStories(
    STORIES,
    [...sitesIn('simulation/durability.ts', ['fail']), ...sitesIn('simulation/oracle.ts', ['acknowledged'])],
    'multi-paxos',
  );
});
