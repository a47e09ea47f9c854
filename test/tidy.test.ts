import { describe, expect, test } from '@jest/globals';
import { existsInProject, isExecutable, readProject, type Files } from './tidy/project';
import {
  dependencyDirections,
  fileLength,
  lockFile,
  noLeftovers,
  noMachinePaths,
  noWorld,
  pointedTo,
  programs,
  shebangs,
  type Rule,
} from './tidy/rules';

const project = readProject();

function sample(path: string, text: string): Files {
  return new Map([[path, text]]);
}

/** Halves keep the bad samples below from breaking the rules here. */
const joined = (...halves: string[]): string => halves.join('');

const rules: readonly {
  readonly name: string;
  readonly rule: Rule;
  readonly bad: readonly Files[];
  readonly good: readonly Files[];
}[] = [
  {
    name: 'dependencies point one way',
    rule: dependencyDirections,
    bad: [
      sample('src/core/a.ts', "import { b } from '../protocols/b';"),
      sample('src/core/a.ts', "import { z } from 'zod';"),
      sample('src/protocols/paxos/a.ts', "import type { Store } from '../../kv/store';"),
      sample('src/protocols/paxos/a.ts', "export { join } from 'node:path';"),
      sample('src/kv/a.ts', "import '../protocols/registry';"),
      sample('src/kv/a.ts', "const fs = require('fs');"),
      sample('src/kv/a.ts', "const fs = await import('node:fs');"),
      sample('src/server/a.ts', "import { main } from '../cli/server';"),
      sample('src/client/a.ts', "import { LmdbStorage } from '../storage/lmdb-storage';"),
    ],
    good: [
      sample('src/core/a.ts', "import { b } from './b';"),
      sample('src/protocols/paxos/a.ts', "import { z } from 'zod';\nimport { b } from '../../core/b';"),
      sample('src/kv/a.ts', "import BTree from 'sorted-btree';"),
      sample('src/server/a.ts', "import { KeyValueStore } from '../kv/store';"),
    ],
  },
  {
    name: 'core, protocols and kv touch the world through their Environment only',
    rule: noWorld,
    bad: [
      'const t = Date.now();',
      'const t = new Date();',
      'const t = Date();',
      'const r = Math.random();',
      "const r = Math['random']; setTimeout(f, 1);",
      'performance.now();',
      'process.exit(1);',
      'globalThis.setTimeout(f);',
      "Buffer.from('a');",
    ].map((text) => sample('src/core/a.ts', text)),
    good: [
      sample('src/core/a.ts', '// Date.now() is banned here\nconst now = clock.now(); Math.max(1, 2);'),
      sample('src/server/a.ts', 'Date.now();'),
    ],
  },
  {
    name: 'nothing is left over',
    rule: noLeftovers,
    bad: [
      joined('// TO', 'DO later'),
      joined('// FIX', 'ME'),
      joined('console', ".log('here')"),
      joined('test.on', "ly('a', f)"),
      joined('describe.sk', "ip('a', f)"),
      joined('test.concurrent.on', "ly('a', f)"),
      joined('xit', "('a', f)"),
      joined('jest.retry', 'Times(3)'),
      joined('// @ts-ig', 'nore'),
      joined('// eslint-dis', 'able-next-line no-empty'),
      joined('// eslint-dis', 'able-next-line no-empty --'),
    ].map((text) => sample('test/a.test.ts', text)),
    good: [
      sample('test/a.ts', joined('const traced = canTrace ? test : test.sk', 'ip;')),
      sample('test/a.ts', joined('// eslint-dis', 'able-next-line no-empty -- the outcome is known')),
    ],
  },
  {
    name: 'files are short',
    rule: fileLength,
    bad: [sample('src/a.ts', 'x\n'.repeat(301))],
    good: [sample('src/a.ts', 'x\n'.repeat(300))],
  },
  {
    name: 'no path of one machine',
    rule: noMachinePaths,
    bad: [
      sample('README.md', joined('see /ho', 'me/ada/notes')),
      sample('src/a.ts', joined("'/Us", "ers/ada'")),
      sample('docs/a.md', joined('cd /wo', 'rk/main')),
    ],
    good: [sample('src/a.ts', joined('const shown = `${root}/ho', "me/page`; 'docs/wo", "rk/a'"))],
  },
  {
    name: 'the lock is complete and names no host',
    rule: lockFile,
    bad: [
      sample('package-lock.json', '{}'),
      lock({ 'node_modules/a': { resolved: 'https://registry.example/a.tgz', integrity: 'sha512-a' } }),
      lock({ 'node_modules/a': {} }),
      lock({ 'node_modules/a': { integrity: 'sha512-a', optionalDependencies: { '@b/mac': '1' } } }),
      lock({
        'node_modules/a': { integrity: 'sha512-a', optionalDependencies: { b: '1' } },
        'node_modules/c/node_modules/b': { integrity: 'sha512-b' },
      }),
    ],
    good: [
      lock({
        'node_modules/a': { integrity: 'sha512-a', optionalDependencies: { b: '1', '@c/c': '1' } },
        'node_modules/a/node_modules/b': { integrity: 'sha512-b' },
        'node_modules/@c/c': { integrity: 'sha512-c' },
      }),
    ],
  },
  {
    name: 'programs say what runs them',
    rule: shebangs,
    bad: [sample('bin/demo', "require('./launch')('demo');")],
    good: [sample('bin/demo', "#!/usr/bin/env node\nrequire('./launch')('demo');")],
  },
];

function lock(packages: object): Files {
  return sample('package-lock.json', JSON.stringify({ packages: { '': {}, ...packages } }));
}

describe.each(rules)('$name', ({ rule, bad, good }) => {
  test('in this project', () => {
    expect(rule(project)).toEqual([]);
  });

  test('the rule finds every bad sample', () => {
    const missed = bad.filter((files) => rule(files).length === 0).map((files) => [...files]);
    expect(missed).toEqual([]);
  });

  test('the rule passes every good sample', () => {
    expect(good.flatMap((files) => rule(files))).toEqual([]);
  });
});

describe('package.json', () => {
  test('points only to what exists', () => {
    const paths = pointedTo(project);
    expect(paths).toEqual(
      expect.arrayContaining(['dist/index.js', 'bin/synod', 'prepopulate.json', 'bin/demo']),
    );
    expect(paths.filter((path) => !existsInProject(path))).toEqual([]);
  });

  test('a pointer to nowhere is found', () => {
    expect(pointedTo(sample('package.json', '{"bin":{"a":"./bin/nowhere"}}'))).toEqual(['bin/nowhere']);
    expect(existsInProject('bin/nowhere')).toBe(false);
  });
});

test('programs are executable', () => {
  expect(programs(project)).toEqual(
    expect.arrayContaining([
      'bin/server',
      'bin/client',
      'bin/synod',
      'bin/start-servers',
      'bin/setup',
      '.ci/run',
    ]),
  );
  expect(programs(project).filter((path) => !isExecutable(path))).toEqual([]);
  expect(isExecutable('package.json')).toBe(false);
});
