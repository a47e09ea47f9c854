import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { lockFolder } from '../../src/storage/folder-lock';
import { LmdbStorage } from '../../src/storage/lmdb-storage';
import { temporaryFolder, works } from './helpers/child';

let folder: string;
const lockers: Locker[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  await Promise.all(lockers.splice(0).map((locker) => locker.kill()));
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly event: 'ready' | 'locked' | 'refused' | 'unlocked';
  readonly message?: string;
}

/** A process that locks and unlocks the folder when it is told to. */
class Locker {
  readonly child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #answers: AsyncIterator<string>;

  private constructor(wrapper: readonly string[]) {
    const command = [...wrapper, process.execPath, join(__dirname, 'helpers', 'locker.js'), folder];
    this.child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#closed = new Promise((resolve) => this.child.once('close', resolve));
    this.#answers = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  static async start(wrapper: readonly string[] = []): Promise<Locker> {
    const locker = new Locker(wrapper);
    lockers.push(locker);
    expect(await locker.#answer()).toEqual({ event: 'ready' });
    return locker;
  }

  lock(time = 0): Promise<Answer> {
    this.child.stdin!.write(`lock ${time}\n`);
    return this.#answer();
  }

  unlock(): Promise<Answer> {
    this.child.stdin!.write('unlock\n');
    return this.#answer();
  }

  /** Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#closed;
  }

  async #answer(): Promise<Answer> {
    const { value } = (await this.#answers.next()) as IteratorResult<string, undefined>;
    return JSON.parse(value ?? 'null') as Answer;
  }
}

test('a data folder is open once at a time, and again after it was closed', async () => {
  const storage = new LmdbStorage(folder);
  const holder = `it is in use by process ${process.pid} on ${hostname()}`;
  expect(() => new LmdbStorage(folder)).toThrow(holder);
  await storage.close();
  await new LmdbStorage(folder).close();
});

test('of four processes that start at once, exactly one gets a folder whose last holder is gone, 60 times', async () => {
  const path = join(folder, 'synod.lock');
  const all = await Promise.all(Array.from({ length: 4 }, () => Locker.start()));
  const winners = new Set<Locker>();
  for (let round = 0; round < 60; round++) {
    // As version 0.1 left it behind when it was killed.
    writeFileSync(path, JSON.stringify({ process: 2 ** 22 + 1, startedAt: '1', folder }));
    const time = Date.now() + 5;
    const answers = await Promise.all(all.map((locker) => locker.lock(time)));
    const [winner, ...more] = all.filter((_, i) => answers[i]?.event === 'locked');
    expect([round, more.length]).toEqual([round, 0]);
    for (const { event, message } of answers)
      if (event === 'refused') expect(message).toMatch(/^it is in use by (process \d+ on |another process)/);
    winners.add(winner!);
    expect(await winner!.unlock()).toEqual({ event: 'unlocked' });
  }
  expect(winners.size).toBeGreaterThan(1);
});

test('a lock ends with its holder, also one that is killed', async () => {
  for (let round = 0; round < 5; round++) {
    const holder = await Locker.start();
    expect(await holder.lock()).toEqual({ event: 'locked' });
    expect(() => lockFolder(folder)).toThrow(`it is in use by process ${holder.child.pid} on ${hostname()}`);
    await holder.kill();
    lockFolder(folder)();
  }
});

const inNamespace = ['unshare', '-Urpf', '--kill-child'];
const testInNamespace = works('unshare', '-Urpf', 'true') ? test : test.skip;

testInNamespace('a lock counts in another namespace of processes, both ways', async () => {
  const inside = await Locker.start(inNamespace);
  const unlock = lockFolder(folder);
  expect(await inside.lock()).toMatchObject({ event: 'refused' });
  unlock();
  expect(await inside.lock()).toEqual({ event: 'locked' });
  expect(() => lockFolder(folder)).toThrow(/in use by process \d+ on/);
  const other = await Locker.start(inNamespace);
  expect(await other.lock()).toMatchObject({ event: 'refused' });
  await inside.kill();
  expect(await other.lock()).toEqual({ event: 'locked' });
});

test('the file of the lock stays, whatever is in it', () => {
  const path = join(folder, 'synod.lock');
  lockFolder(folder)();
  const { ino, mode } = statSync(path);
  expect(mode & 0o777).toBe(0o600);
  writeFileSync(path, 'torn');
  const unlock = lockFolder(folder);
  expect(readFileSync(path, 'utf8')).toBe(`process ${process.pid} on ${hostname()}`);
  unlock();
  expect(statSync(path).ino).toBe(ino);
});
