import { afterEach, describe, expect, test } from '@jest/globals';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { waitUntil } from '../e2e/helpers/wait';
import { Program, ROOT, type Ended } from './program';

/*
 * bin/setup in a small project with a stand-in for npm and one for tsc. Both note their calls in `calls`, and do what the
 * files `npm-does` and `tsc-does` say: `fail` with a message, or `wait` until the file is gone.
 */
const STAND_IN = `
const fs = require('node:fs');
const path = require('node:path');
function act(name, work) {
  const root = process.cwd();
  fs.appendFileSync(path.join(root, 'calls'), name + ' ' + process.argv.slice(2).join(' ') + '\\n');
  const file = path.join(root, name + '-does');
  const order = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  if (order.startsWith('fail ')) { process.stderr.write(order.slice(5)); process.exit(1); }
  const wait = () => (fs.existsSync(file) ? setTimeout(wait, 20) : work());
  wait();
}`;
const NPM = `${STAND_IN}
act('npm', () => fs.mkdirSync('node_modules', { recursive: true }));`;
const TSC = `${STAND_IN}
act('tsc', () => {
  fs.mkdirSync('dist', { recursive: true });
  for (const name of fs.readdirSync('src').filter((each) => each.endsWith('.ts')))
    for (const end of ['.js', '.js.map', '.d.ts']) fs.writeFileSync('dist/' + name.slice(0, -3) + end, '');
});`;

const started: Program[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((program) => program.close()));
});

class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'synod-setup-'));

  constructor() {
    cpSync(join(ROOT, 'bin'), join(this.folder, 'bin'), { recursive: true });
    this.write('package-lock.json', '{"packages":{"":{},"node_modules/a":{"version":"1.0.0"}}}');
    this.write('tsconfig.json', '{}');
    this.write('src/tsconfig.json', '{}');
    this.write('src/a.ts', 'a');
    this.write('npm-cli.js', NPM);
    this.write('node_modules/typescript/bin/tsc', TSC);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  has(path: string): boolean {
    return existsSync(join(this.folder, path));
  }

  remove(path: string): void {
    rmSync(join(this.folder, path), { recursive: true });
  }

  /** The calls of npm and tsc since the last look. */
  takeCalls(): string[] {
    if (!this.has('calls')) return [];
    const lines = readFileSync(join(this.folder, 'calls'), 'utf8').trimEnd().split('\n');
    this.remove('calls');
    return lines.map((line) => line.split(' ')[0] ?? '');
  }

  start(...argv: string[]): Program {
    const env = { npm_execpath: join(this.folder, 'npm-cli.js') };
    const program = new Program(join(this.folder, 'bin/setup'), argv, { folder: this.folder, env });
    started.push(program);
    return program;
  }

  setup(...argv: string[]): Promise<Ended> {
    return this.start(...argv).ended;
  }
}

async function readyProject(): Promise<Project> {
  const project = new Project();
  expect(await project.setup()).toMatchObject({ code: 0, stderr: '' });
  expect(project.takeCalls()).toEqual(['npm', 'tsc']);
  return project;
}

test('installs and builds at first and says so, then does nothing, quickly and silently', async () => {
  const project = new Project();
  const first = await project.setup();
  expect(first.stdout).toMatch(/^installing dependencies \(npm ci\), .*: done after \d+\.\d s$/m);
  expect(first.stdout).toMatch(/^building \(tsc\), .*: done after \d+\.\d s$/m);
  expect(project.takeCalls()).toEqual(['npm', 'tsc']);

  const begin = performance.now();
  expect(await project.setup()).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  expect(performance.now() - begin).toBeLessThan(2000);
  expect(project.takeCalls()).toEqual([]);
  expect(project.has('.setup.lock')).toBe(false);
});

describe('does again what is out of date:', () => {
  test.each([
    ['a changed source', 'src/a.ts', ['tsc']],
    ['a new source', 'src/deep/b.ts', ['tsc']],
    ['changed compiler options', 'tsconfig.json', ['tsc']],
    ['a changed lock', 'package-lock.json', ['npm', 'tsc']],
  ])('%s', async (_, path, calls) => {
    const project = await readyProject();
    project.write(path, '{"packages":{}}');
    expect(await project.setup()).toMatchObject({ code: 0 });
    expect(project.takeCalls()).toEqual(calls);
  });

  test('a missing output, a missing folder', async () => {
    const project = await readyProject();
    project.remove('dist/a.js');
    await project.setup();
    expect(project.takeCalls()).toEqual(['tsc']);
    project.remove('dist');
    await project.setup();
    expect(project.takeCalls()).toEqual(['tsc']);
  });

  test('--build always builds', async () => {
    const project = await readyProject();
    const { stdout } = await project.setup('--build');
    expect(stdout).toContain('building (tsc), as asked: done');
    expect(project.takeCalls()).toEqual(['tsc']);
  });

  test('the output of a deleted source goes away', async () => {
    const project = await readyProject();
    project.write('src/b.ts', 'b');
    await project.setup();
    expect(project.has('dist/b.js')).toBe(true);
    project.remove('src/b.ts');
    await project.setup();
    expect(['dist/b.js', 'dist/b.js.map', 'dist/b.d.ts'].filter((path) => project.has(path))).toEqual([]);
    expect(project.has('dist/a.js')).toBe(true);
  });

  test("what somebody's own npm install brought is not installed again", async () => {
    const project = new Project();
    project.write('node_modules/.package-lock.json', '{"packages":{"node_modules/a":{"version":"1.0.0"}}}');
    await project.setup();
    expect(project.takeCalls()).toEqual(['tsc']);
  });

  test('but an older one is', async () => {
    const project = new Project();
    project.write('node_modules/.package-lock.json', '{"packages":{"node_modules/a":{"version":"0.9.0"}}}');
    await project.setup();
    expect(project.takeCalls()).toEqual(['npm', 'tsc']);
  });
});

describe('says what failed and what to do, keeps the message, and exits with 1:', () => {
  test.each([
    ['npm', 'npm error code ENOTFOUND', 'check the network'],
    ['npm', 'npm error code EACCES', 'may not be written'],
    ['npm', 'npm error code ENOSPC', 'the disk is full'],
    ['npm', 'npm error code EUSAGE', 'run "npm install"'],
    ['npm', 'npm error something else', "npm's message above"],
    ['tsc', 'src/a.ts(1,1): error TS2304: no name', 'correct the type errors'],
  ])('%s: %s', async (tool, message, advice) => {
    const project = new Project();
    project.write(`${tool}-does`, `fail ${message}`);
    const { code, stderr } = await project.setup();
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^error: .* failed: /);
    expect(stderr).toContain(advice);

    project.remove(`${tool}-does`);
    project.takeCalls();
    expect(await project.setup()).toMatchObject({ code: 0 });
    expect(project.takeCalls()).toContain(tool);
  });

  test('an unknown option is a usage error', async () => {
    expect(await new Project().setup('--bild')).toMatchObject({
      code: 2,
      stderr: 'error: unknown option "--bild" (there is only --build)\n',
    });
  });
});

test.each(['npm', 'tsc'])('a set-up interrupted in %s is done again', async (tool) => {
  const project = await readyProject();
  const lock = readFileSync(join(project.folder, 'package-lock.json'), 'utf8');
  project.write('package-lock.json', '{"packages":{"":{"version":"2"}}}');
  project.write(`${tool}-does`, 'wait');
  const program = project.start();
  await waitUntil(
    () => project.has('calls') && readFileSync(join(project.folder, 'calls'), 'utf8').includes(tool),
    10_000,
    () => 'not started',
  );
  program.child.kill('SIGKILL');
  await program.ended;
  project.remove(`${tool}-does`);
  project.takeCalls();
  // Back to what the last whole set-up saw: its stamps must not count any more.
  project.write('package-lock.json', lock);
  // The dead one's lock does not stop the next.
  expect(project.has('.setup.lock')).toBe(true);
  expect(await project.setup()).toMatchObject({ code: 0 });
  expect(project.takeCalls()).toContain(tool);
  expect(project.has('.setup.lock')).toBe(false);
});

test('of two at once, one works and the other waits', async () => {
  const project = new Project();
  project.write('npm-does', 'wait');
  const first = project.start();
  await first.untilPrinted('installing');
  const second = project.start();
  await second.untilPrinted(`another set-up (process ${first.child.pid}) is at work`);
  project.remove('npm-does');
  expect(await first.ended).toMatchObject({ code: 0 });
  expect(await second.ended).toMatchObject({ code: 0, stderr: '' });
  expect(project.takeCalls()).toEqual(['npm', 'tsc']);
});

test('a project that is not built says so', async () => {
  const project = new Project();
  const program = new Program(join(project.folder, 'bin/server'), [], { folder: project.folder });
  started.push(program);
  expect(await program.ended).toMatchObject({
    code: 2,
    stderr: 'error: Synod is not built yet: run npm run build\n',
  });
});
