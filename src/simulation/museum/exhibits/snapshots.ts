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

/** Whoever installs a snapshot counts no records and knows no digest. */
export const NOT_HELD_AGAINST_THE_OFFER: readonly Edit[] = [
  { file: SNAPSHOT, find: 'this.#records.length === this.#count &&', replace: '' },
  { file: SNAPSHOT, find: 'this.#digest.toString() === this.#expectedDigest;', replace: 'true;' },
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
      ...NOT_HELD_AGAINST_THE_OFFER,
    ],
  },
  {
    id: 'S-14',
    name: 'a part of a snapshot is taken for all of it',
    rule: 'A snapshot is installed when it is complete, and proves that it is',
    story:
      'The peer was restarted between two pieces and knows nothing of the offer any more. The asker takes "there is no more" for the end, and installs what it has.',
    schedule:
      'C has the first piece of slot 20 when A is restarted. C installs slot 20 without its other records.',
    edits: [
      {
        file: SNAPSHOT,
        find: 'if (!isExpired) return assembly.snapshot;',
        replace: 'return assembly.snapshot;',
      },
      { file: SNAPSHOT, find: 'this.isComplete &&', replace: '' },
      ...NOT_HELD_AGAINST_THE_OFFER,
    ],
  },
  {
    id: 'S-15',
    name: 'a snapshot holds before it is written',
    rule: 'A new version is durable before anything points to it [Lorie, Physical Integrity in a Large Segmented Database, 1977]',
    story:
      'The state is too large for one write, so it is written in pieces. The write that says "this is the state now" leaves first, since that is the one others wait for. A crash between the pieces leaves a state of some records, and no way back.',
    schedule: 'C takes over slot 20, says so on its disk, and crashes when half of the records are written.',
    edits: [
      {
        file: STATE,
        find: 'const generation = ++this.#highest;',
        replace:
          'const generation = ++this.#highest;\n    void this.#storage.write([{ key: GENERATION, value: generation }]);',
      },
    ],
  },
  {
    id: 'S-16',
    name: 'the newest snapshot on the disk is believed',
    rule: 'A restart takes up what was finished, not what was begun last [Paxos Made Live, 5.5]',
    story:
      'At the start there are two states on the disk, one with a higher number than the other. The higher one is surely the newer one. It is: so new that half of it is not written yet.',
    schedule: 'C crashes when half of a snapshot is written, restarts, and takes the half for its state.',
    edits: [
      {
        file: STATE,
        find: 'if (!key.startsWith(STATE)) return false;',
        replace:
          'if (!key.startsWith(STATE)) return false;\n    if (generationOf(key) > this.#generation) {\n      this.#records.length = 0;\n      this.switchTo(generationOf(key));\n    }',
      },
    ],
  },
];
