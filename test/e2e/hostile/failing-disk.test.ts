import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { works } from '../../storage/helpers/child';

const OPENER = join(__dirname, 'helpers', 'opener.js');

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'synod-failing-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

interface Opened {
  readonly content?: string;
  readonly exitCode?: number;
  readonly message?: string;
}

/** Opens the data folder in a process of its own, and gives what it answered. A signal leaves no answer. */
function openWithin(...wrapper: readonly string[]): Opened {
  const [program, ...rest] = [...wrapper, process.execPath, OPENER];
  const input = `${join(root, 'disk', 'data')}\n`;
  const { stdout, signal, status } = spawnSync(program, rest, { input, encoding: 'utf8' });
  expect([signal, status]).toEqual([null, 0]);
  return JSON.parse(stdout) as Opened;
}

const MOUNT = 'mount -t tmpfs -o size=64k none /mnt';
const testMounted = works('unshare', '-Urm', 'sh', '-c', MOUNT) ? test : test.skip;
const testTraced = works('strace', '-o', '/dev/null', 'true') ? test : test.skip;

testMounted('a new folder on a full disk: one line that says so, never a signal', () => {
  for (const kib of [4, 60, 100, 140, 400]) {
    const mount = `mkdir -p "$0" && mount -t tmpfs -o size=${kib}k none "$0" && exec "$@"`;
    expect([kib, openWithin('unshare', '-Urm', 'sh', '-c', mount, join(root, 'disk'))]).toEqual([
      kib,
      {
        exitCode: 2,
        message: expect.stringMatching(
          /^the data folder \S+ cannot be opened: there is no space left on its disk: make room, then start the server again$/,
        ),
      },
    ]);
  }
});

testTraced(
  'a sync that fails when the folder is opened: one line that says so, and the exit code of damage',
  () => {
    const cases = [
      ...[1, 2, 3, 4].map((nth) => [true, 'fdatasync', nth] as const),
      [true, 'fsync', 1] as const,
      ...[1, 3].map((nth) => [false, 'fdatasync', nth] as const),
    ];
    for (const [isNew, call, nth] of cases) {
      rmSync(join(root, 'disk'), { recursive: true, force: true });
      if (!isNew) expect(openWithin()).toHaveProperty('content');
      const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:error=EIO:when=${nth}`];
      const answer = openWithin('strace', '-f', '-o', '/dev/null', ...inject);
      const message = expect.stringMatching(
        /^the data folder \S+ cannot be trusted: its disk fails\. [^\n]+$/,
      );
      expect([isNew, call, nth, answer]).toEqual([isNew, call, nth, { exitCode: 5, message }]);
    }
  },
);
