'use strict';
/* Lint and types side by side: each takes one core for half a minute. Ends with 1 if either is not content. */
const { spawn } = require('node:child_process');
const path = require('node:path');

const root = path.join(__dirname, '..');

/** One after the other, until one fails. */
const LANES = [
  [['eslint', '--max-warnings', '0', '.']],
  [
    ['tsc', '-p', 'tsconfig.json'],
    ['prettier', '--check', '--log-level', 'warn', '.'],
  ],
];

function program(name) {
  const { bin } = require(name === 'tsc' ? 'typescript/package.json' : `${name}/package.json`);
  const file = typeof bin === 'string' ? bin : bin[name];
  return path.join(
    path.dirname(require.resolve(`${name === 'tsc' ? 'typescript' : name}/package.json`)),
    file,
  );
}

function run([name, ...argv]) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program(name), ...argv], { cwd: root, stdio: 'inherit' });
    child.on('close', (code) => resolve(code === 0));
  });
}

async function runLane(commands) {
  for (const command of commands) if (!(await run(command))) return false;
  return true;
}

Promise.all(LANES.map(runLane)).then((contents) => {
  process.exitCode = contents.every(Boolean) ? 0 : 1;
});
