import type { Edit } from '../../../src/simulation/museum/mutant';

interface Mistake {
  readonly name: string;
  readonly edits: readonly Edit[];
}

const OPEN = 'storage/open-journals.ts';
const FILE = 'storage/journal-file.ts';
const STORAGE = 'storage/journaled-storage.ts';
const RECORD = 'storage/journal-record.ts';

/** Ways to lose or invent writes by a power loss, each of which the replay must find. */
export const MISTAKES: readonly Mistake[] = [
  {
    name: 'a write is acknowledged before its sync',
    edits: [
      {
        file: FILE,
        find: 'await this.#file.sync();\n    this.#shorten();',
        replace: 'void this.#file.sync();\n    this.#shorten();',
      },
    ],
  },
  {
    name: 'no sync at open',
    edits: [{ file: OPEN, find: 'for (const file of opened) file.settle();', replace: '' }],
  },
  {
    name: 'a sync at open, but nothing is written again',
    edits: [{ file: FILE, find: 'this.#file.write(this.#file.read(), 0);', replace: '' }],
  },
  {
    name: 'the folder is not synced when the journals are made',
    edits: [{ file: OPEN, find: 'files.syncFolder(folder);', replace: '' }],
  },
  {
    name: 'new journals are not synced',
    edits: [
      {
        file: FILE,
        find: 'file.write(Buffer.alloc(ROOM_BYTES), HEAD_BYTES);\n      file.syncNow();',
        replace: 'file.write(Buffer.alloc(ROOM_BYTES), HEAD_BYTES);',
      },
    ],
  },
  {
    name: 'the database says that a journal is folded before it holds the changes',
    edits: [
      {
        file: STORAGE,
        find: 'const changes = [...journal.changes].map(([key, value]) => ({ key, value }));',
        replace:
          'const changes = [...journal.changes].map(([key, value]) => ({ key, value })); this.#state = { ...this.#state, folded: journal.last }; void this.#database.write(storedState(this.#state));',
      },
    ],
  },
  {
    name: 'a full journal goes on at once, though the other one is not folded',
    edits: [{ file: STORAGE, find: '    await this.#folding;\n    const full', replace: '    const full' }],
  },
  {
    name: 'the checksum of a record is not looked at',
    edits: [
      {
        file: RECORD,
        find: 'if (crc32(bytes.subarray(at + 8, end), seed) !== checksum) return undefined;',
        replace: '',
      },
    ],
  },
  {
    name: 'the older journal goes on instead of the newer',
    edits: [{ file: OPEN, find: 'numberOf(a) - numberOf(b)', replace: 'numberOf(b) - numberOf(a)' }],
  },
  {
    name: 'keys of the older journal win',
    edits: [
      {
        file: STORAGE,
        find: 'for (const [key, value] of this.#active.changes) changes.set(key, value);',
        replace:
          'for (const [key, value] of this.#active.changes) if (!changes.has(key)) changes.set(key, value);',
      },
    ],
  },
  {
    name: 'what is left of older records counts',
    edits: [
      {
        file: FILE,
        find: 'if (found === undefined || (last !== undefined && found.sequence !== last.sequence + 1)) break;',
        replace: 'if (found === undefined) break;',
      },
    ],
  },
  {
    name: 'room is not durable before a record uses it',
    edits: [
      {
        file: FILE,
        find: 'this.#file.write(room, this.#size);\n    await this.#file.sync();',
        replace: 'this.#file.write(room, this.#size);',
      },
    ],
  },
  {
    name: 'a stretched journal is cut before its next record is durable',
    edits: [
      {
        file: FILE,
        find: 'this.#shortenTo = mostBytes;',
        replace: 'this.#shortenTo = mostBytes; this.#shorten();',
      },
    ],
  },
  {
    name: 'the mark is written before the sync',
    edits: [
      {
        file: STORAGE,
        find: 'journal.last = await journal.file.append(this.#lastRecord, changes);',
        replace:
          'this.#other.file.writeMark({ sequence: this.#lastRecord.sequence + 1, checksum: 0 }); journal.last = await journal.file.append(this.#lastRecord, changes);',
      },
    ],
  },
  {
    name: 'only the newer journal is read',
    edits: [
      {
        file: OPEN,
        find: 'const unfolded = ({ file, records }: Opened): Opened => ({\n      file,',
        replace:
          'const unfolded = ({ file, records }: Opened): Opened => file === older ? { file, records: [] } : ({\n      file,',
      },
    ],
  },
  {
    name: 'records are counted from the database, not from the last one in the journals',
    edits: [
      { file: OPEN, find: 'const last = newer.last ?? state.folded;', replace: 'const last = state.folded;' },
    ],
  },
  {
    name: 'deletes are not folded',
    edits: [
      {
        file: STORAGE,
        find: '.map(([key, value]) => ({ key, value }));',
        replace: '.map(([key, value]) => ({ key, value })).filter(({ value }) => value !== undefined);',
      },
    ],
  },
  {
    name: 'the changes of a journal are forgotten before the database holds them',
    edits: [
      {
        file: STORAGE,
        find: '    const changes = [...journal.changes]',
        replace: '    const old = [...journal.changes]; journal.changes.clear(); const changes = old',
      },
    ],
  },
  {
    name: 'after a failed sync writes go on',
    edits: [
      {
        file: STORAGE,
        find: '    if (!this.#isBroken) this.#fail(error);\n    this.#isBroken = true;',
        replace: '    this.#fail(error);',
      },
    ],
  },
];
