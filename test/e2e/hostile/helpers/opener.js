'use strict';
// Opens each data folder that a line names, and tells what it found, or why it did not open.
require('../../../support/typescript');
const { createHash } = require('node:crypto');
const { createInterface } = require('node:readline');
const { refusal } = require('../../../../src/server/storage.ts');
const { JournaledStorage } = require('../../../../src/storage/journaled-storage.ts');

async function open(folder) {
  let storage;
  try {
    storage = new JournaledStorage(folder);
  } catch (error) {
    const { exitCode, message } = refusal(folder, error);
    return { exitCode, message };
  }
  const content = createHash('sha256');
  for (const entry of storage.read()) content.update(JSON.stringify(entry));
  await storage.write([{ key: 'one more', value: 1 }]);
  await storage.close();
  return { content: content.digest('hex') };
}

createInterface({ input: process.stdin }).on('line', (folder) => {
  void open(folder).then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
});
