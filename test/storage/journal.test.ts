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
import type { Json } from '../../src/core/json';
import { JournalFile } from '../../src/storage/journal-file';
import { JournaledStorage } from '../../src/storage/journaled-storage';
import { temporaryFolder } from './helpers/child';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const record = (sequence: number, text = `value ${sequence}`) => ({
  sequence,
  changes: [{ key: `key ${sequence}`, value: text }],
});

async function fileWith(...sequences: number[]): Promise<string> {
  const path = join(folder, 'file');
  const file = new JournalFile(path);
  for (const sequence of sequences) await file.append(record(sequence));
  file.close();
  return path;
}

function recordsIn(path: string): number[] {
  const file = new JournalFile(path);
  const sequences = file.takeRecords().map(({ sequence }) => sequence);
  file.close();
  return sequences;
}

describe('a journal file', () => {
  test('gives back its records, also one that is larger than the room made ahead', async () => {
    const path = join(folder, 'file');
    const file = new JournalFile(path);
    const large = 'é'.repeat(400_000);
    await file.append({ sequence: 1, changes: [{ key: 'a', value: undefined }] });
    await file.append(record(2, large));
    await file.append(record(3));
    file.close();
    const again = new JournalFile(path);
    expect([again.first, again.last]).toEqual([1, 3]);
    const records = again.takeRecords();
    expect(records[0]?.changes).toEqual([{ key: 'a', value: undefined }]);
    expect(records[1]?.changes).toEqual([{ key: 'key 2', value: large }]);
    expect(records.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(again.takeRecords()).toEqual([]);
    again.close();
    const rest = new JournalFile(path, 2);
    expect([rest.first, rest.last, rest.takeRecords().length]).toEqual([1, 3, 1]);
    rest.close();
  });

  test('cut short at any byte it holds the records before that, and takes the next one there', async () => {
    const path = await fileWith(1, 2, 3);
    const file = new JournalFile(path);
    const { end } = file;
    file.close();
    const whole = readFileSync(path);
    for (let length = 0; length <= end; length++) {
      writeFileSync(path, Buffer.concat([whole.subarray(0, length), Buffer.alloc(100)]));
      const cut = new JournalFile(path);
      const left = cut.takeRecords().length;
      expect(left).toBe(Math.floor((3 * length) / end));
      cut.refuseRecordsAfter(left);
      await cut.append(record(left + 1, 'new'));
      cut.close();
      expect(recordsIn(path)).toHaveLength(left + 1);
    }
  });

  test('a flipped bit in any byte of a record that others follow is damage, and told', async () => {
    const path = await fileWith(1, 2, 3);
    const whole = readFileSync(path);
    const file = new JournalFile(path);
    const length = file.end / 3;
    file.close();
    for (const first of [0, length])
      for (let at = first; at < first + length; at++) {
        const bytes = Buffer.from(whole);
        bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at);
        writeFileSync(path, bytes);
        const damaged = new JournalFile(path);
        const last = damaged.takeRecords().length;
        expect(last).toBe(first / length);
        expect(() => {
          damaged.refuseRecordsAfter(last);
        }).toThrow('damaged in the middle');
        damaged.close();
      }
  });

  test('used again from the start, it does not take older records for new ones', async () => {
    const path = await fileWith(1, 2, 3);
    const file = new JournalFile(path);
    file.restart(1e6);
    await file.append(record(4));
    file.close();
    expect(recordsIn(path)).toEqual([4]);
    const again = new JournalFile(path);
    again.refuseRecordsAfter(4);
    again.close();
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
    expect(() => new JournaledStorage(gone)).toThrow(/^records 1 to \d+ of the journals are missing/);
    const emptied = mkdtempSync(join(folder, 'emptied-'));
    for (const name of ['journal-0.log', 'journal-1.log']) writeFileSync(join(emptied, name), '');
    copyFileSync(join(folder, 'synod.mdb'), join(emptied, 'synod.mdb'));
    expect(() => new JournaledStorage(emptied)).toThrow('the journals end at record 0, before what the data');
    rmSync(join(folder, 'journal-1.log'));
    expect(() => new JournaledStorage(folder)).toThrow('journal-1.log is missing');
  });

  test('a record that is damaged with others behind it is told', async () => {
    const storage = new JournaledStorage(folder);
    for (let n = 0; n < 3; n++) await storage.write([{ key: `key ${n}`, value: n }]);
    await storage.close();
    const path = join(folder, 'journal-1.log');
    const active = readFileSync(path).some((byte) => byte !== 0) ? path : join(folder, 'journal-0.log');
    const bytes = readFileSync(active);
    bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
    writeFileSync(active, bytes);
    expect(() => new JournaledStorage(folder)).toThrow('damaged in the middle');
  });
});
