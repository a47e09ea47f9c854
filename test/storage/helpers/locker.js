'use strict';
// Does as it is told, line by line: `lock <time>` takes the lock of the folder at that time and tells whether it got it.
require('../../support/typescript');
const { createInterface } = require('node:readline');
const { lockFolder } = require('../../../src/storage/folder-lock.ts');

const [folder] = process.argv.slice(2);
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
let unlock;

createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, time] = line.split(' ');
  if (command === 'unlock') {
    unlock();
    tell({ event: 'unlocked' });
    return;
  }
  while (Date.now() < Number(time));
  try {
    unlock = lockFolder(folder);
    tell({ event: 'locked' });
  } catch (error) {
    tell({ event: 'refused', message: error.message });
  }
});
tell({ event: 'ready' });
