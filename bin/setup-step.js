'use strict';
const { spawn } = require('node:child_process');
const { clearInterval, setInterval } = require('node:timers');

/** What went wrong and what to do about it, in one line. */
class SetupError extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

const PLAIN_SIGN_OF_LIFE_MS = 5000;
const TERMINAL_SIGN_OF_LIFE_MS = 250;

/** Shows that a step goes on: a line that counts seconds on a terminal, a plain line now and then elsewhere. */
function showProgress(label) {
  const begin = Date.now();
  const terminal = process.stdout.isTTY === true && process.env.TERM !== 'dumb';
  const seconds = () => ((Date.now() - begin) / 1000).toFixed(terminal ? 0 : 1);
  const fitting = (text) =>
    terminal ? text.slice(0, Math.max(20, (process.stdout.columns || 80) - 1)) : text;
  const write = (text) => process.stdout.write(terminal ? `\r\x1b[K${fitting(text)}` : `${text}\n`);
  write(`${label} ...`);
  const timer = setInterval(
    () => write(`${label} ... ${seconds()} s`),
    terminal ? TERMINAL_SIGN_OF_LIFE_MS : PLAIN_SIGN_OF_LIFE_MS,
  );
  return (outcome) => {
    clearInterval(timer);
    write(`${label}: ${outcome} after ${seconds()} s`);
    if (terminal) process.stdout.write('\n');
  };
}

/** Runs a program to its end. Its output is shown only when it fails; then `explain(output)` says what to do. */
function runStep({ label, command, cwd, shell, explain }) {
  const done = showProgress(label);
  const child = spawn(command[0], command.slice(1), { cwd, shell, stdio: ['ignore', 'pipe', 'pipe'] });
  // A set-up that is ended takes its npm or tsc with it.
  const endChild = () => child.kill();
  process.once('exit', endChild);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  return new Promise((resolve, reject) => {
    const fail = (outcome) => {
      done(outcome);
      if (output !== '') process.stderr.write(output.endsWith('\n') ? output : `${output}\n`);
      reject(new SetupError(`${label.split(',')[0]} failed: ${explain(output)}`));
    };
    child.on('error', (error) => {
      output += `${error.message}\n`;
      fail('failed');
    });
    child.on('close', (code, signal) => {
      process.off('exit', endChild);
      if (code === 0) {
        done('done');
        resolve();
      } else if (child.pid !== undefined) {
        if (signal) output += `ended by ${signal}\n`;
        fail('failed');
      }
    });
  });
}

module.exports = { runStep, SetupError };
