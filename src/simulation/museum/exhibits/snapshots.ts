import type { Exhibit } from '../exhibit';
import type { Edit } from '../mutant';

const LEARNER = 'protocols/log/learner.ts';
const SNAPSHOT = 'protocols/log/snapshot.ts';
const STATE = 'protocols/log/stored-state.ts';

/** What is learned while the snapshot is fetched and written does not count. */
export const TAKEN_FROM_BEHIND: readonly Edit[] = [
  { file: LEARNER, find: 'if (slot <= this.#applied) return;', replace: '' },
  { file: LEARNER, find: 'if (slot <= this.#applied) {', replace: 'if (slot === 0) {' },
];

/** How a whole state gets from one server to another, and on its disk. */
export const SNAPSHOTS: readonly Exhibit[] = [
  {
    id: 'S-4',
    name: 'an old snapshot overwrites newer state',
    rule: 'A snapshot is taken only from ahead [Paxos Made Live, 5.5]',
    story:
      'The snapshot was asked for when the server lagged behind. While its pieces travelled, the server caught up by itself. Installing it all the same takes back what has been applied since.',
    schedule: 'C asks for a snapshot of slot 20, learns up to 25 meanwhile, then installs 20.',
    edits: TAKEN_FROM_BEHIND,
  },
  {
    id: 'S-5',
    name: 'a snapshot leaves old keys behind',
    rule: 'A snapshot replaces the state, it does not add to it [Paxos Made Live, 5.5]',
    story:
      'In memory the old state is gone. On the disk the snapshot is written over it: keys that the snapshot does not hold are still there, and are back after the next restart.',
    schedule: 'C holds k. While it is away, k is deleted. C takes over a snapshot, restarts, and shows k.',
    edits: [
      {
        file: STATE,
        find: 'const generation = ++this.#highest;',
        replace: 'const generation = this.#generation;',
      },
      { file: LEARNER, find: 'switched.then(() => this.#state.delete(old, stale))', replace: 'switched' },
    ],
  },
  {
    id: 'S-6',
    name: 'pieces of two snapshots',
    rule: 'A snapshot is one state at one slot [Paxos Made Live, 5.5]',
    story:
      'Between two pieces the peer has made a newer snapshot, and hands it out under the name of the older one. Nobody counts the records or holds them against a digest: a state that never was is installed.',
    schedule: 'C fetches the first piece of slot 20 and the second of slot 30.',
    edits: [
      { file: SNAPSHOT, find: ': this.#find(id);', replace: ': this.#add(id, state());' },
      { file: SNAPSHOT, find: 'this.#records.length === this.#count &&', replace: '' },
      { file: SNAPSHOT, find: 'this.#digest.toString() === this.#expectedDigest;', replace: 'true;' },
    ],
  },
];
