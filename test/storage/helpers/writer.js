'use strict';
// Writes to a storage folder until it fails or is killed, and tells each step on standard output as a line of JSON.
require('../../support/typescript');
const { JournaledStorage } = require('../../../src/storage/journaled-storage.ts');

const [folder, first, writes, writers, bytes] = process.argv.slice(2);
const storage = new JournaledStorage(folder);
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
let next = Number(first);
const end = next + Number(writes);

void storage.failed.then((error) => tell({ event: 'failed', name: error.name, message: error.message }));

async function write() {
  while (next < end) {
    const n = next++;
    const value = 'x'.repeat(Number(bytes));
    try {
      await storage.write([
        { key: `a/${n}`, value },
        { key: `b/${n}`, value },
      ]);
    } catch (error) {
      tell({ event: 'rejected', n, name: error.name });
      return;
    }
    tell({ event: 'acknowledged', n });
  }
}

async function main() {
  tell({ event: 'open' });
  await Promise.all(Array.from({ length: Number(writers) }, write));
  for (const changes of [[{ key: 'later', value: 1 }], []])
    await storage.write(changes).then(
      () => tell({ event: 'late-acknowledged' }),
      (error) => tell({ event: 'late-rejected', name: error.name }),
    );
  tell({ event: 'readable', keys: [...storage.read()].map(([key]) => key) });
  await storage.close();
}
void main();
