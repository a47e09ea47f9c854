import { ofMultiPaxos, type Exhibit } from '../exhibit';

const LEASE = 'protocols/multi-paxos/lease.ts';

/** What a leader takes its time to be, and what its followers have really given it. */
export const LEASING: readonly Exhibit[] = ofMultiPaxos([
  {
    id: 'MP-9',
    name: 'a lease that nobody keeps',
    rule: 'Who has granted a lease promises nothing to other candidates before it is over [Ongaro, Consensus, 6.4.1]',
    story:
      'The followers answer the heartbeats, and the leader counts its lease from them. But nobody has told the acceptors: when a candidate comes they promise, as always. The new leader writes, and the old one goes on to read alone until its time is up.',
    schedule:
      'n = 3, a lease of 3 s. A is cut off from B and C, which elect B after 1 s and choose y. A answers a read with x.',
    edits: [{ file: LEASE, find: 'candidate !== this.#holder && now < this.#until', replace: 'false' }],
  },
]);
