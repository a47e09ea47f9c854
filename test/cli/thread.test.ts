import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { Thread } from '../../src/cli/simulate/thread';

const folder = mkdtempSync(join(tmpdir(), 'synod-thread-'));
const file = join(folder, 'worker.js');
writeFileSync(
  file,
  `const { parentPort } = require('node:worker_threads');
   setInterval(() => parentPort.postMessage('alive'), 50);
   const spin = async () => { for (;;) await null; };
   parentPort.on('message', (question) => {
     if (question === 'spin') void spin();
     else if (question === 'slow') setTimeout(() => parentPort.postMessage({ question }), 2000);
     else parentPort.postMessage({ question });
   });`,
);
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test('a thread that spins in microtasks is ended, and another one answers in its place', async () => {
  const thread = new Thread(file, undefined, 1500);
  const ask = (question: string): Promise<object | undefined> =>
    thread.ask(question, (said) => said as { question: string });
  try {
    expect(await ask('first')).toEqual({ question: 'first' });
    expect(await ask('spin')).toBeUndefined();
    expect(await ask('second')).toEqual({ question: 'second' });
    // One that is slow and says that it lives is waited for.
    expect(await ask('slow')).toEqual({ question: 'slow' });
  } finally {
    await thread.end();
  }
}, 60_000);
