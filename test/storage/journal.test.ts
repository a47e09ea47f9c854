import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Change } from '../../src/core/environment';
import type { Json } from '../../src/core/json';
import { systemFiles } from '../../src/storage/files';
import { JournalFile } from '../../src/storage/journal-file';
import type { Link } from '../../src/storage/journal-record';
import { JournaledStorage } from '../../src/storage/journaled-storage';
import { temporaryFolder } from './helpers/child';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const NAME = { disk: '00000000-0000-4000-8000-000000000000', position: 0 } as const;
const NOTHING: Link = { sequence: 0, checksum: 0 };
const changesOf = (sequence: number): Change[] => [{ key: `key ${sequence}`, value: `value ${sequence}` }];

function opened(path: string): JournalFile {
  if (!existsSync(path)) JournalFile.create(systemFiles, path, NAME);
  return new JournalFile(systemFiles, path, NAME);
}

/** A file with so many records; gives where each of them ends, from the end of the head on. */
async function fileWith(records: number): Promise<{ readonly path: string; readonly ends: number[] }> {
  const path = join(folder, 'file');
  const file = opened(path);
  const ends = [file.end];
  let last = NOTHING;
  for (let sequence = 1; sequence <= records; sequence++) {
    last = await file.append(last, changesOf(sequence));
    ends.push(file.end);
  }
  file.close();
  return { path, ends };
}

function sequencesIn(path: string): number[] {
  const file = opened(path);
  const sequences = file.takeRecords().map(({ sequence }) => sequence);
  file.close();
  return sequences;
}

describe('a journal file', () => {
  test('gives back its records, also one that is larger than the room made ahead', async () => {
    const path = join(folder, 'file');
    const file = opened(path);
    const large = [{ key: 'large', value: 'é'.repeat(400_000) }];
    const first = await file.append(NOTHING, [{ key: 'a', value: undefined }]);
    const second = await file.append(first, large);
    const third = await file.append(second, changesOf(3));
    file.close();
    const again = opened(path);
    expect(again.last).toMatchObject(third);
    const records = again.takeRecords();
    expect(records.map(({ changes }) => changes)).toEqual([
      [{ key: 'a', value: undefined }],
      large,
      changesOf(3),
    ]);
    expect(records.map(({ sequence, previous }) => [sequence, previous])).toEqual([
      [1, 0],
      [2, first.checksum],
      [3, second.checksum],
    ]);
    expect(again.takeRecords()).toEqual([]);
    again.close();
  });

  test('torn at any byte it holds the records before that, and takes the next one there', async () => {
    const { path, ends } = await fileWith(3);
    const whole = readFileSync(path);
    for (let length = ends[0]!; length <= ends[3]!; length++) {
      writeFileSync(path, Buffer.concat([whole.subarray(0, length), Buffer.alloc(whole.length - length)]));
      const torn = opened(path);
      const left = torn.takeRecords();
      expect(left).toHaveLength(ends.filter((end) => end <= length).length - 1);
      torn.refuseRecordsAfter(left.length);
      torn.settle();
      await torn.append(left.at(-1) ?? NOTHING, [{ key: 'new', value: 1 }]);
      torn.close();
      expect(sequencesIn(path)).toHaveLength(left.length + 1);
    }
  });

  test('cut at any byte up to its last record it is refused', async () => {
    const { path, ends } = await fileWith(3);
    const whole = readFileSync(path);
    for (let length = 0; length <= ends[3]!; length += 5) {
      writeFileSync(path, whole.subarray(0, length));
      expect(() => opened(path)).toThrow(/is damaged: it (has \d+ bytes|was cut at byte \d+)$/);
    }
  });

  test('a flipped bit in any byte of its head, or of a record that others follow, is told', async () => {
    const { path, ends } = await fileWith(3);
    const whole = readFileSync(path);
    for (let at = 0; at < ends[2]!; at++) {
      // Between the head and the records are a mark, and nothing.
      if (at >= 56 && at < ends[0]!) continue;
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at);
      writeFileSync(path, bytes);
      expect(() => {
        const damaged = opened(path);
        const last = damaged.takeRecords().length;
        expect(last).toBe(ends.filter((end) => end <= at).length - 1);
        try {
          damaged.refuseRecordsAfter(last);
        } finally {
          damaged.close();
        }
      }).toThrow(/is damaged/);
    }
  });

  test('of another folder, or in the place of the other journal, it is refused', async () => {
    const { path } = await fileWith(1);
    const other = { ...NAME, disk: '11111111-1111-4111-8111-111111111111' };
    expect(() => new JournalFile(systemFiles, path, other)).toThrow('belongs to another data folder');
    expect(() => new JournalFile(systemFiles, path, { ...NAME, position: 1 })).toThrow(
      'is a copy of the other journal',
    );
  });

  test('used again from the start, it does not take older records for new ones', async () => {
    const { path } = await fileWith(3);
    const file = opened(path);
    const last = file.last!;
    file.restart(1e6);
    await file.append(last, changesOf(4));
    file.close();
    expect(sequencesIn(path)).toEqual([4]);
    const again = opened(path);
    again.refuseRecordsAfter(4);
    again.close();
  });

  test('a record of another history is no next one', async () => {
    const { path } = await fileWith(2);
    const file = opened(path);
    await file.append({ sequence: 2, checksum: 1 }, changesOf(3));
    file.close();
    expect(() => opened(path)).toThrow('is damaged: record 3 does not follow the one before it');
  });
});

describe('storage in journals', () => {
  const value = 'v'.repeat(300_000);
  test('keeps all through many turns of the journals, opened again at any moment', async () => {
    const model = new Map<string, Json>();
    let n = 0;
    for (let round = 0; round < 3; round++) {
      const storage = new JournaledStorage(folder);
      expect(new Map(storage.read())).toEqual(model);
      const some = [...model].filter(([key]) => key.startsWith('key 1'));
      expect(new Map(storage.read('key 1'))).toEqual(new Map(some));
      for (let i = 0; i < 25; i++, n++) {
        const [key, old] = [`key ${n % 40}`, `key ${(n + 7) % 40}`];
        await storage.write([
          { key, value: value + String(n) },
          { key: old, value: undefined },
        ]);
        model.set(key, value + String(n));
        model.delete(old);
      }
      expect(new Map(storage.read())).toEqual(model);
      await storage.close();
    }
    expect(statSync(join(folder, 'journal-0.log')).size).toBeLessThan(6e6);
    expect(statSync(join(folder, 'journal-1.log')).size).toBeLessThan(6e6);
  });

  test('a copy of the files at any moment holds what was acknowledged before: a crash in the middle of a fold loses nothing', async () => {
    const storage = new JournaledStorage(folder);
    for (let n = 0; n < 36; n++) {
      await storage.write([{ key: `key ${n}`, value }]);
      // Around each turn of the journals, and now and then.
      if (n % 14 > 2 && n % 5 > 0) continue;
      const copy = mkdtempSync(join(folder, 'copy-'));
      for (const name of ['journal-0.log', 'journal-1.log', 'synod.mdb'])
        copyFileSync(join(folder, name), join(copy, name));
      const crashed = new JournaledStorage(copy);
      expect([...crashed.read()]).toHaveLength(n + 1);
      await crashed.close();
      rmSync(copy, { recursive: true });
    }
    await storage.close();
  });

  test('a missing journal, or a database that is missing beside its journals, is told', async () => {
    const storage = new JournaledStorage(folder);
    for (let n = 0; n < 35; n++) await storage.write([{ key: `key ${n}`, value }]);
    await storage.close();
    expect(existsSync(join(folder, 'synod.mdb'))).toBe(true);
    const gone = mkdtempSync(join(folder, 'without-'));
    for (const name of ['journal-0.log', 'journal-1.log']) copyFileSync(join(folder, name), join(gone, name));
    expect(() => new JournaledStorage(gone)).toThrow(
      /synod.mdb is missing or empty, beside .*journal-0.log with its records$/,
    );
    const emptied = mkdtempSync(join(folder, 'emptied-'));
    for (const name of ['journal-0.log', 'journal-1.log']) writeFileSync(join(emptied, name), '');
    copyFileSync(join(folder, 'synod.mdb'), join(emptied, 'synod.mdb'));
    expect(() => new JournaledStorage(emptied)).toThrow('journal-0.log is damaged: it has 0 bytes');
    rmSync(join(folder, 'journal-1.log'));
    expect(() => new JournaledStorage(folder)).toThrow('journal-1.log is missing');
  });

  test('a record that is damaged with others behind it is told', async () => {
    const storage = new JournaledStorage(folder);
    for (let n = 0; n < 3; n++) await storage.write([{ key: `key ${n}`, value: n }]);
    await storage.close();
    const path = join(folder, 'journal-1.log');
    const active = readFileSync(path)
      .subarray(1024)
      .some((byte) => byte !== 0)
      ? path
      : join(folder, 'journal-0.log');
    const bytes = readFileSync(active);
    bytes.writeUInt8(bytes.readUInt8(1044) ^ 1, 1044);
    writeFileSync(active, bytes);
    expect(() => new JournaledStorage(folder)).toThrow('damaged in the middle');
  });
});
