import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(__dirname, '..', '..');

interface Packed {
  readonly files: readonly { readonly path: string }[];
}

test('the package holds what it needs, and nothing that points outside of it', () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const paths = (JSON.parse(output) as Packed[])[0]!.files.map(({ path }) => path);
  for (const needed of [
    'dist/index.js',
    'dist/index.d.ts',
    'bin/synod',
    'bin/launch.js',
    'prepopulate.json',
    'LICENSE',
    'README.md',
  ])
    expect(paths).toContain(needed);
  expect(paths.filter((path) => /\.map$|^(src|test)\/|tsbuildinfo/.test(path))).toEqual([]);
});

test.each([
  ['require', ['-e', "process.stdout.write(typeof require('synod').connect)"]],
  [
    'import',
    ['--input-type=module', '-e', "import { connect } from 'synod'; process.stdout.write(typeof connect)"],
  ],
])('programs get the client by %s', (_, program) => {
  expect(execFileSync(process.execPath, program, { cwd: ROOT, encoding: 'utf8' }).trim()).toBe('function');
});
