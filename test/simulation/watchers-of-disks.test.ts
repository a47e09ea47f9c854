import { describe } from '@jest/globals';
import type { Ballot } from '../../src/core/ballot';
import { slotKey } from '../../src/core/keys';
import { ACCEPTED, PROMISED } from '../../src/protocols/paxos/acceptor';
import { APPLIED } from '../../src/protocols/log/stored-state';
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
const FIRST = { replaced: false, slot: 1 };

/** Server 0 answers a peer that it promises. */
function promise(scene: Scene, ballot: Ballot): void {
  scene.durability.answered(0, 'acceptor.prepare', { slot: 1, ballot }, '{"kind":"promised"}');
}

/** Server 0 answers a peer that it accepts. */
function vote(scene: Scene, ballot: Ballot): void {
  scene.durability.answered(0, 'acceptor.accept', { slot: 1, ballot }, '{"kind":"accepted"}');
}

function storeVote(scene: Scene, server: number, ballot: Ballot, write = PUT): void {
  scene.store(server, slotKey(ACCEPTED, 1), { ballot, value: { id: '1', command: commandOf(write) } });
}

/** PUT is carried out in slot 1, and its client is told so. */
function acknowledge(scene: Scene): void {
  scene.write(PUT, FIRST);
  scene.oracle.acknowledge(PUT, FIRST);
}

const STORIES: readonly Story[] = [
  [
    NOTHING,
    'a promise and a vote that are on the disk, and answers that bind to nothing',
    (scene) => {
      scene.store(0, slotKey(PROMISED, 1), LOW);
      promise(scene, LOW);
      storeVote(scene, 0, HIGH);
      vote(scene, HIGH);
      promise(scene, HIGH);
      const asked = { slot: 1, ballot: { round: 9, server: 0 } };
      scene.durability.answered(0, 'acceptor.prepare', asked, '{"kind":"rejected"}');
      scene.durability.answered(0, 'acceptor.accept', asked, '{"kind":"rejected"}');
      scene.durability.answered(0, 'learner.learn', asked, '{}');
    },
  ],
  [
    NOTHING,
    'what is said of a slot that is stored as applied',
    (scene) => {
      for (const server of [0, 1]) scene.store(server, APPLIED, 1);
      promise(scene, LOW);
      vote(scene, LOW);
      acknowledge(scene);
    },
  ],
  [
    'said before durable',
    'a promise that is not on the disk',
    (scene) => {
      promise(scene, LOW);
    },
  ],
  [
    'said before durable',
    'a promise above the one on the disk',
    (scene) => {
      scene.store(0, slotKey(PROMISED, 1), LOW);
      promise(scene, HIGH);
    },
  ],
  [
    'said before durable',
    'a vote where only the promise is on the disk',
    (scene) => {
      scene.store(0, slotKey(PROMISED, 1), LOW);
      vote(scene, LOW);
    },
  ],
  [
    'said before durable',
    'a vote under a higher ballot than the one on the disk',
    (scene) => {
      storeVote(scene, 0, LOW);
      vote(scene, HIGH);
    },
  ],
  [
    NOTHING,
    'a write on two of three disks',
    (scene) => {
      for (const server of [0, 2]) storeVote(scene, server, LOW);
      acknowledge(scene);
    },
  ],
  [
    NOTHING,
    'a write on two disks, one of which was wiped since',
    (scene) => {
      storeVote(scene, 0, LOW);
      scene.wipe(1);
      acknowledge(scene);
    },
  ],
  [
    'acknowledged before durable',
    'a write on one of three disks',
    (scene) => {
      storeVote(scene, 0, LOW);
      acknowledge(scene);
    },
  ],
  [
    'acknowledged before durable',
    'a write on one disk, and other writes in its slot on the others',
    (scene) => {
      storeVote(scene, 0, LOW);
      storeVote(scene, 1, LOW, { ...PUT, sequence: 2 });
      storeVote(scene, 2, LOW, { ...PUT, client: 'd' });
      acknowledge(scene);
    },
  ],
  [
    'acknowledged before durable',
    'a write in a slot after those that are stored as applied',
    (scene) => {
      for (const server of [0, 1, 2]) scene.store(server, APPLIED, 0);
      acknowledge(scene);
    },
  ],
];

describe('the observer of the disks', () => {
  tellStories(STORIES, [
    ...sitesIn('simulation/durability.ts', ['fail']),
    ...sitesIn('simulation/oracle.ts', ['acknowledged']),
  ]);
});
