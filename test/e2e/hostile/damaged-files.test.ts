import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Random } from '../../../src/core/environment';
import { SeededRandom } from '../../../src/core/random';
import { JournaledStorage } from '../../../src/storage/journaled-storage';
import { startCluster } from '../helpers/cluster';
import { seedOf } from '../load/seed';
import { DAMAGES, DATA_FILES, LOCK_FILES, type Folder } from './helpers/damages';

const ROUNDS = Number(process.env['ROUNDS'] ?? '1');
const EXIT_DAMAGED = 5;

let root: string;
let opener: ChildProcess;
let answers: AsyncIterator<string>;
let opened = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'synod-damaged-'));
  opener = spawn(process.execPath, [join(__dirname, 'helpers', 'opener.js')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  answers = createInterface({ input: opener.stdout! })[Symbol.asyncIterator]();
});
afterAll(() => {
  opener.kill();
  rmSync(root, { recursive: true, force: true });
});

/** What the server did with the folder: the digest of all it holds, or its exit code and line. */
interface Answer {
  readonly content?: string;
  readonly exitCode?: number;
  readonly message?: string;
}

/** In a folder of its own each time: after a refusal LMDB takes a moment to let go of the files that it has mapped. */
async function openDamaged(folder: Folder): Promise<Answer> {
  const damaged = join(root, `damaged-${++opened}`);
  mkdirSync(damaged);
  for (const name of [...DATA_FILES, ...LOCK_FILES]) {
    const bytes = folder[name];
    if (bytes !== undefined) writeFileSync(join(damaged, name), bytes);
  }
  opener.stdin!.write(`${damaged}\n`);
  const { value } = (await answers.next()) as IteratorResult<string, undefined>;
  rmSync(damaged, { recursive: true });
  // No answer: a signal has ended the process.
  return JSON.parse(value ?? `{"message":"ended by ${opener.signalCode}"}`) as Answer;
}

function filesIn(folder: string): Folder {
  const files = [...DATA_FILES, ...LOCK_FILES].map((name) => {
    const path = join(folder, name);
    return [name, existsSync(path) ? readFileSync(path) : undefined] as const;
  });
  return Object.fromEntries(files);
}

interface Written {
  readonly older: Folder;
  readonly last: Folder;
  /** Of all that was acknowledged. */
  readonly content: string;
}

/** A folder after so many writes of at most this size, in two lives. */
async function written(name: string, writes: number, bytes: number, random: Random): Promise<Written> {
  const folder = join(root, name);
  let older: Folder = {};
  const content = createHash('sha256');
  for (const life of [0, 1]) {
    const storage = new JournaledStorage(folder);
    for (let n = 0; n < writes / 2; n++) {
      const value = `${name} ${n} `.repeat(random.int(1, bytes / 5));
      await storage.write([
        { key: `key ${random.int(0, 60)}`, value },
        { key: 'last', value: life + n },
      ]);
    }
    if (life === 1) for (const entry of storage.read()) content.update(JSON.stringify(entry));
    await storage.close();
    if (life === 0) older = filesIn(folder);
  }
  return { older, last: filesIn(folder), content: content.digest('hex') };
}

/** Either all that was acknowledged is there, or one clear line names what is wrong. Gives whether it was told. */
function expectNoSilentLoss(answer: Answer, content: string, what: string): boolean {
  if (answer.content !== undefined) {
    expect([what, answer.content === content]).toEqual([what, true]);
    return false;
  }
  expect([what, answer.exitCode, answer.message]).toEqual([
    what,
    EXIT_DAMAGED,
    expect.stringMatching(/^the data folder [^\n]+ cannot be trusted: [^\n]+$/),
  ]);
  return true;
}

test.each([
  ['few writes, none of them folded', 25, 100, [...DATA_FILES, ...LOCK_FILES]],
  ['many turns of the journals', 260, 45_000, DATA_FILES],
])(
  'each file damaged in each way, after %s: everything is there, or the damage is told',
  async (name, writes, bytes, names) => {
    const seed = seedOf('npx jest test/e2e/hostile/damaged-files.test.ts');
    const random = new SeededRandom(seed);
    const own = await written(name, writes, bytes, random);
    const other = await written(`another ${name}`, writes, bytes, random);
    expect(await openDamaged(own.last)).toEqual({ content: own.content });
    let [told, unharmed] = [0, 0];
    for (let round = 0; round < ROUNDS; round++)
      for (const damage of DAMAGES)
        for (const file of names) {
          const copies = { older: own.older[file]!, others: other.last[file]! };
          const bytesNow = damage.to(own.last[file]!, random, copies);
          const answer = await openDamaged({ ...own.last, [file]: bytesNow });
          if (expectNoSilentLoss(answer, own.content, `${file} ${damage.name}`)) told++;
          else unharmed++;
        }
    process.stderr.write(`${told} damages told, ${unharmed} without harm\n`);
    expect(told).toBeGreaterThan(20 * ROUNDS);
    // Nothing of worth is in the files of the locks.
    const harmless = names.length - DATA_FILES.length;
    expect(unharmed).toBeGreaterThanOrEqual(harmless * DAMAGES.length * ROUNDS);
  },
  60_000 * (ROUNDS + 1),
);

test('files that change places are told', async () => {
  const own = await written('places', 25, 100, new SeededRandom(1));
  const { 'journal-0.log': first, 'journal-1.log': second } = own.last;
  for (const [one, two] of [
    [second, first],
    [first, first],
    [second, second],
  ])
    expect(await openDamaged({ ...own.last, 'journal-0.log': one, 'journal-1.log': two })).toMatchObject({
      exitCode: EXIT_DAMAGED,
      message: expect.stringMatching(/is a copy of the other journal/),
    });
});

test('a server whose journal was damaged ends with one line and exit code 5; its folder is for its owner alone', async () => {
  const cluster = await startCluster({ servers: 1 });
  try {
    for (let n = 0; n < 20; n++) await cluster.rpc(0, 'kv.put', { key: `key ${n}`, value: 'x'.repeat(500) });
    await cluster.kill9(0);
    const folder = cluster.dataFolder(0);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of [...DATA_FILES, ...LOCK_FILES])
      expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
    const whole = filesIn(folder);
    // All records of both, as a power loss cannot leave them.
    for (const name of ['journal-0.log', 'journal-1.log'])
      writeFileSync(join(folder, name), Buffer.from(whole[name]!).fill(0, 1024));
    cluster.launch(0);
    const { code, refusal } = await cluster.process(0).exited;
    expect([code, refusal]).toEqual([
      EXIT_DAMAGED,
      expect.stringMatching(
        /^the data folder \S+ cannot be trusted: \S+\.log is damaged or an old copy: record \d+ was written, and 0 is the last\. /,
      ),
    ]);
    for (const [name, bytes] of Object.entries(whole)) writeFileSync(join(folder, name), bytes!);
    cluster.launch(0);
    await cluster.untilReady(0);
    for (let n = 0; n < 20; n++)
      expect(await cluster.rpc(0, 'kv.get', { key: `key ${n}` })).toMatchObject({ found: true });
  } finally {
    await cluster.close();
  }
}, 60_000);
