import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { open } from 'lmdb';
import { JournaledStorage } from '../../src/storage/journaled-storage';
import { temporaryFolder } from './helpers/child';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** As version 0.1 wrote them. */
function oldRecord(sequence: number, changes: readonly unknown[]): Buffer {
  const text = Buffer.from(JSON.stringify(changes));
  const bytes = Buffer.alloc(16 + text.length);
  bytes.writeUInt32LE(text.length, 0);
  bytes.writeDoubleLE(sequence, 8);
  text.copy(bytes, 16);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

const path = (position: 0 | 1): string => join(folder, `journal-${position}.log`);
const ROOM = Buffer.alloc(1000);

/** Records 1 and 2 are in the database; 3 and 4 in one journal, 5 in the other, before what is left of older ones. */
async function oldFolder(): Promise<void> {
  const database = open<unknown, Buffer>({
    path: join(folder, 'synod.mdb'),
    keyEncoding: 'binary',
    encoding: 'json',
    overlappingSync: false,
  });
  await database.put(Buffer.from('a'), 'folded');
  await database.put(Buffer.from('b'), 'folded');
  await database.put(Buffer.from('journal/folded'), 2);
  await database.close();
  const older = [
    oldRecord(2, [['a', 'folded']]),
    oldRecord(3, [
      ['a', 3],
      ['c', 3],
    ]),
    oldRecord(4, [['b']]),
    ROOM,
  ];
  writeFileSync(path(1), Buffer.concat(older));
  const newer = [oldRecord(5, [['c', { deep: 5 }]]), oldRecord(1, [['a', 1]]), ROOM];
  writeFileSync(path(0), Buffer.concat(newer));
}

const CONTENT = [
  ['a', 3],
  ['c', { deep: 5 }],
];

test('a folder of version 0.1 is taken over, and version 0.1 would refuse it from then on', async () => {
  await oldFolder();
  for (let life = 0; life < 3; life++) {
    const storage = new JournaledStorage(folder);
    expect([...storage.read()]).toEqual(CONTENT);
    await storage.write([{ key: 'c', value: { deep: 5 } }]);
    await storage.close();
  }
  expect(readFileSync(path(0)).toString('latin1', 0, 8)).toBe('SYNODJNL');
  expect(statSync(join(folder, 'synod.mdb')).mode & 0o777).toBe(0o600);
  const database = open<unknown, Buffer>({
    path: join(folder, 'synod.mdb'),
    keyEncoding: 'binary',
    encoding: 'json',
  });
  // Version 0.1 reads this first.
  expect(() => database.get(Buffer.from('journal/folded'))).toThrow('is not valid JSON');
  await database.close();
});

test.each([
  [
    'a missing journal',
    () => {
      rmSync(path(0));
    },
    /journal-0\.log is missing$/,
  ],
  [
    'a gap',
    () => {
      writeFileSync(path(1), ROOM);
    },
    /^records 3 to 4 of the journals are missing$/,
  ],
  [
    'a record that is damaged with another behind it',
    () => {
      const bytes = readFileSync(path(1));
      bytes.writeUInt8(bytes.readUInt8(60) ^ 1, 60);
      writeFileSync(path(1), bytes);
      writeFileSync(path(0), ROOM);
    },
    /journal-1\.log is damaged in the middle/,
  ],
])('%s in a folder of version 0.1 is told', async (_, damage, says) => {
  await oldFolder();
  damage();
  expect(() => new JournaledStorage(folder)).toThrow(says);
});
