import type { Exhibit } from '../exhibit';

/** What servers keep: beyond checkpoints and snapshots, from their first start on, and in which order. */
export const KEEPING: readonly Exhibit[] = [
  {
    id: 'S-24',
    name: 'a checkpoint leaves deleted keys',
    rule: 'A checkpoint is the state as of its slot, also in what is not there any more [Paxos Made Live, 5.5]',
    story:
      'A checkpoint writes what has changed since the last one. Here it writes what is there, and forgets what is not: a deleted key has no value to write. In memory it is gone; after a restart it is back.',
    schedule:
      'B stores a checkpoint with k, applies the deletion of k, stores another one, restarts, and shows k.',
    edits: [
      {
        file: 'protocols/log/learner.ts',
        find: 'this.#state.changes(this.#machine.takeChanges());',
        replace:
          'this.#state.changes(this.#machine.takeChanges().filter(({ value }) => value !== undefined));',
      },
    ],
  },
  {
    id: 'S-25',
    name: 'welcome before it is recorded',
    rule: 'A server votes only after every other server has durably recorded its disk (src/server/formation.ts)',
    story:
      'Servers remember the disks of the others, so that one that lost its disk is refused. Here the record is still on its way to the disk when the newcomer is welcomed. After a power failure nobody remembers it.',
    schedule:
      'A and B welcome C, C votes, the power fails. A and B come back without the record, C with an empty disk: it is welcomed once more, and votes again.',
    edits: [
      {
        file: 'server/identity.ts',
        find: 'await this.#storage.write([{ key: DISK_OF + String(server), value: { ...age } }]);',
        replace: 'void this.#storage.write([{ key: DISK_OF + String(server), value: { ...age } }]);',
      },
    ],
  },
  {
    id: 'S-26',
    name: 'what was there before the first write is not stored',
    rule: 'State and applied index are one thing on the disk [Paxos Made Live, 5.5]',
    story:
      'The store begins with some entries, equal on all servers. The first start stores how far it has applied, nothing, and not the entries. The second start believes the disk: nothing applied, and nothing there.',
    schedule: 'All servers begin with k = 1. C restarts, and a local read of k finds nothing.',
    edits: [
      {
        file: 'protocols/log/learner.ts',
        find: 'const generation = await this.#state.write(this.#machine.snapshot());',
        replace: 'const generation = await this.#state.write([]);',
      },
    ],
  },
  {
    id: 'S-27',
    name: 'the order of another alphabet',
    rule: 'Keys are listed in the byte order of UTF-8 (docs/api.md)',
    story:
      'JavaScript compares texts by units of 16 bits, in which an emoji comes before U+E000. By bytes of UTF-8, and by code points, it comes after it. Who pages through a list by the one order and asks for the next page by the other misses keys.',
    schedule: 'Keys U+FFFF and U+1F600 are put. A list shows the second one first.',
    edits: [
      {
        file: 'core/key-order.ts',
        find: 'if (!SURROGATE.test(a) && !SURROGATE.test(b)) return',
        replace: 'if (SURROGATE.test(a) || true) return',
      },
    ],
  },
];
