import type { Exhibit } from '../exhibit';

const STORE = 'kv/store.ts';
const LEARNER = 'protocols/log/learner.ts';

/** The layers around the protocol: exactly-once, storage, formation, client. */
export const AROUND: readonly Exhibit[] = [
  {
    id: 'P-19',
    name: 'no memory of done writes',
    rule: 'A repeated command takes effect once [Ongaro, Consensus, 6.3]',
    story:
      'A client that got no answer sends its write again, to another server. Now it is in the log twice. Carried out twice, it undoes what others have written in between.',
    schedule:
      'x = 1 is chosen in slot 3, the answer is lost, the client tries again at B. A read shows 1; x = 2 is written and read; then the second copy is chosen in slot 5, and a read shows 1 again.',
    edits: [{ file: STORE, find: 'if (first !== undefined) return first;', replace: '' }],
  },
  {
    id: 'S-1',
    name: 'sessions are missing in the snapshot',
    rule: 'What decides over repeated commands is part of the state [Ongaro, Consensus, 6.3]',
    story:
      'The snapshot holds all keys and values, and a server that takes it over looks just like the others. Only it has forgotten which writes are done, and carries out a late copy that the others ignore.',
    schedule: 'C takes over a snapshot. A write that is in it is chosen once more: C alone carries it out.',
    edits: [
      { file: STORE, find: 'return [...records, ...this.#sessions.snapshot()];', replace: 'return records;' },
    ],
  },
  {
    id: 'S-2',
    name: 'sessions are lost at a restart',
    rule: 'What decides over repeated commands is part of the state [Ongaro, Consensus, 6.3]',
    story: 'The same with the disk in place of the snapshot: the changes of the sessions are never stored.',
    schedule: 'C restarts. A write that it had carried out before is chosen once more.',
    edits: [
      {
        file: STORE,
        find: 'return [...changes, ...this.#sessions.takeChanges()];',
        replace: 'return changes;',
      },
    ],
  },
  {
    id: 'S-3',
    name: 'state and position are stored apart',
    rule: 'State and applied index are one thing on the disk [Paxos Made Live, 5.5]',
    story:
      'The new values go to the disk in one write, how far they go in the next. A crash between the two makes the server carry out the last commands a second time.',
    schedule: 'C applies slot 7 and crashes between the two writes.',
    edits: [
      {
        file: LEARNER,
        find: 'const changes = this.#state.changes(this.#machine.takeChanges());',
        replace:
          'const changes = []; void this.#environment.storage.write(this.#state.changes(this.#machine.takeChanges()));',
      },
    ],
  },
  {
    id: 'S-7',
    name: 'goes on after a failed sync',
    rule: 'After a failed sync nothing that was written is sure [Rebello et al., Can Applications Recover from fsync Failures?, 2020]',
    story:
      'The disk reports an error, the server takes note of it and tells the others that all is written. The page cache may even show the data; the platter does not have it.',
    schedule: 'The sync of a vote fails. The acceptor answers "accepted", crashes later, and has no vote.',
    edits: [
      {
        file: 'protocols/paxos/acceptor.ts',
        find: 'repeated ? [] : [{ key: slotKey(ACCEPTED, slot), value: proposal }],\n    );',
        replace:
          'repeated ? [] : [{ key: slotKey(ACCEPTED, slot), value: proposal }],\n    ).catch(() => undefined);',
      },
    ],
  },
  {
    id: 'S-8',
    name: 'a wiped disk is let in',
    rule: 'An acceptor that has lost its memory has lost its promises: it must not vote under its old name [Paxos Made Live, 5.1]',
    story:
      'The disk was replaced, the server starts afresh under the same id, and everybody is glad to see it back. It has forgotten its votes. With one more like it, a quorum has.',
    schedule:
      'v1 is accepted {A, B}: chosen. B comes back with an empty disk. C: prepare {B, C} hears of nothing.',
    edits: [
      {
        file: 'server/formation.ts',
        find: 'const known = this.#identity.ageOf(id);',
        replace: 'const known = this.#identity.ageOf(-1);',
      },
    ],
  },
  {
    id: 'S-9',
    name: 'each try is a write of its own',
    rule: 'A client names its write, and uses the same name when it tries again [Ongaro, Consensus, 6.3]',
    story:
      'The servers remember what each client has done, number by number. This client takes a new number for each try, and so has the same write done twice.',
    schedule: 'As P-19, with a fresh sequence for the second try.',
    edits: [
      {
        file: 'client/operation.ts',
        find: 'const { method, params } = this.#task;',
        replace:
          'const { method } = this.#task;\n      const params = this.#task.write && this.tried ? { ...this.#task.params, sequence: this.#task.params.sequence + 1000 * (this.tries = (this.tries ?? 0) + 1) } : this.#task.params;\n      this.tried = true;',
      },
    ],
  },
  {
    id: 'S-10',
    name: 'the client takes silence for failure',
    rule: 'A request without an answer may have been carried out',
    story:
      'The client got no answer from one server and a clear "no" from the next. It reports the "no". The first server, meanwhile, has had the write chosen.',
    schedule: 'The answer of A is lost; B refuses, as it is starting; the client reports a sure failure.',
    edits: [
      {
        file: 'client/ledger.ts',
        find: 'if (this.#write && !failure.definite) this.#definite = false;',
        replace: '',
      },
    ],
  },
  {
    id: 'S-11',
    name: 'serves before it has caught up',
    rule: 'A server does not show less than it showed before',
    story:
      'A restarted server answers local reads from what was on its disk at once. It had shown more before it was restarted: its state is written a little behind its votes.',
    schedule: 'C applies slot 9, shows it, crashes before its state is stored, restarts and shows slot 8.',
    edits: [
      {
        file: 'server/member.ts',
        find: 'while (!(await this.#replica.catchUp(CATCH_UP_MS))) {',
        replace: 'while (String(this.#replica) === String(null)) {',
      },
    ],
  },
  {
    id: 'S-13',
    name: 'serves without having caught up',
    rule: 'A server does not show less than it showed before',
    story:
      'This one does try to catch up, for two seconds. Then it has pity with its clients and serves what it has. If it finds none of the others, that may be less than what it showed before the restart. This was shipped once: the documentation called it "up to 20 ms older".',
    schedule: 'C shows x = 2, crashes before that is stored, restarts, reaches nobody, and shows x = 1.',
    edits: [
      {
        file: 'server/member.ts',
        find: 'while (!(await this.#replica.catchUp(CATCH_UP_MS))) {\n      if (this.#hasStopped()) return;',
        replace: 'while (!(await this.#replica.catchUp(CATCH_UP_MS))) {\n      break;',
      },
    ],
  },
  {
    id: 'S-12',
    name: 'compares with the wrong nothing',
    rule: 'compareAndSet with `expect: null` swaps an absent key only',
    story:
      'A comparison that takes the expected null for "anything": of two clients that both create a lock, both get it.',
    schedule: 'Two clients set `lock` if it is absent, one after the other. Both succeed.',
    edits: [
      {
        file: STORE,
        find: 'const swapped = (actual ?? null) === command.expect;',
        replace: 'const swapped = command.expect === null || actual === command.expect;',
      },
    ],
  },
];
