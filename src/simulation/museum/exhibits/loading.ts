import type { Exhibit } from '../exhibit';

/** What shows only under load: many writes at a time, writes without sessions, states that nobody looks at for a while. */
export const LOADING: readonly Exhibit[] = [
  {
    id: 'L-1',
    name: 'results are dropped before the window ends',
    rule: 'The result of each of the last 64 writes of a client is kept: one of them may still be sent again (src/kv/sessions.ts)',
    story:
      'A client may have many writes under way, and an old one may arrive long after newer ones. Here its result is dropped when it is 48 writes old, but only after 64 is a sequence refused as stale. A write that falls between is taken for a new one and carried out a second time.',
    schedule:
      'A client sends writes 1 to 50. Write 1 is carried out by way of A; its other copy reaches B after write 50.',
    edits: [
      {
        file: 'kv/sessions.ts',
        find: 'if (old <= known.highest - WINDOW) this.#drop',
        replace: 'if (old <= known.highest - 48) this.#drop',
      },
    ],
  },
  {
    id: 'L-2',
    name: 'a command that is forwarded twice is proposed twice',
    protocol: 'multi-paxos',
    rule: 'A call that is sent again until it is answered must have one effect (src/protocols/multi-paxos/once-only.ts)',
    story:
      'A follower brings a command to the leader, and sends the call again when no answer comes; the network doubles calls too. The leader takes each copy for a new command and gives it a slot. Where the client numbers its writes the store carries out the first only. A write without a number takes effect twice.',
    schedule:
      'B forwards a put without client and sequence to the leader A. The call is doubled: slots 1 and 2 hold it.',
    edits: [
      {
        file: 'protocols/multi-paxos/once-only.ts',
        find: 'if (known !== undefined) return known;',
        replace: '',
      },
    ],
  },
  {
    id: 'L-3',
    name: 'changes that are not digested outlive the state',
    rule: 'A digest is a function of the entries (src/kv/store.ts)',
    story:
      'The digest is brought up to date only when somebody asks for it; until then the store notes what it held of each changed key. A snapshot replaces the entries, and these notes are kept: at the next question they are taken out of a digest that does not hold them. Equal stores then have other digests, for ever.',
    schedule:
      'B puts k, and nobody asks for its digest. B is cut off, falls behind, and installs the snapshot of A. Their entries are equal.',
    edits: [
      {
        file: 'kv/store.ts',
        find: '    this.#digest.clear();\n    this.#digested.clear();',
        replace: '    this.#digest.clear();',
      },
    ],
  },
];
