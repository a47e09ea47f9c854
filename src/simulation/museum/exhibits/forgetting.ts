import type { Exhibit } from '../exhibit';

const SESSIONS = 'kv/sessions.ts';
const RULE = 'A forgotten client is refused, never taken for a new one [Ongaro, Consensus, 6.3]';

/** Who is forgotten, and what of a forgotten client may still be believed. They show where runs remember few clients. */
export const FORGETTING: readonly Exhibit[] = [
  {
    id: 'S-20',
    name: 'a forgotten client counts as new',
    rule: RULE,
    story:
      'Results cannot be kept for ever, so the clients that wrote least lately are forgotten, with all that is known of them. A write of one of them that has waited somewhere looks like the first write of somebody new.',
    schedule:
      'A sleeps with x = 1 of ada in its socket. Ada sends it to B, bob writes x = 2, a crowd of others writes, and ada is forgotten. A wakes and proposes: x is 1 again.',
    edits: [
      {
        file: SESSIONS,
        find: "return epoch < this.#epoch - 1 ? this.#stale('epoch') : undefined;",
        replace: 'return undefined;',
      },
    ],
  },
  {
    id: 'S-21',
    name: 'a session believes the writes of the one before',
    rule: RULE,
    story:
      'A client that was forgotten begins anew under its old name. Now servers know that name again, but not what it wrote before; and a late copy of that, with a sequence that was never seen in this session, is carried out.',
    schedule:
      'Ada is forgotten and begins anew in epoch 5 with sequence 9. A copy of her sequence 8, of epoch 0, arrives: not behind the window, not known, so it is carried out.',
    edits: [{ file: SESSIONS, find: "if (epoch < known.opened) return this.#stale('epoch');", replace: '' }],
  },
  {
    id: 'S-22',
    name: 'clients are forgotten one epoch too early',
    rule: RULE,
    story:
      'A write may name the epoch before the current one, since its client may have begun just before that ended. So whoever wrote in an epoch must be known to the end of the next. Forgotten with the epoch itself, it may come again.',
    schedule:
      'Ada begins in epoch 3 and writes. Epoch 3 ends, and she is forgotten at once. A copy of her write, of epoch 3, counts as the first of a new client in epoch 4.',
    edits: [
      { file: SESSIONS, find: 'this.#previous = this.#current;', replace: 'this.#previous = new Map();' },
    ],
  },
  {
    id: 'S-23',
    name: 'the epoch is missing in the snapshot',
    rule: 'What decides over repeated commands is part of the state [Ongaro, Consensus, 6.3]',
    story:
      'A server that takes over a snapshot knows all sessions, but believes to be in the first epoch. It takes for new what the others refuse, and does not end the epoch that they end.',
    schedule:
      'C takes over a snapshot of epoch 4. A late write of epoch 0 is chosen: C alone carries it out.',
    edits: [
      {
        file: SESSIONS,
        find: 'this.#epoch > 0 ? [[EPOCH, this.#epoch]] : [];',
        replace: '[];',
      },
    ],
  },
];
