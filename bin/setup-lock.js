'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout } = require('node:timers');
const { SetupError } = require('./setup-step');

const WAIT_MS = 10 * 60_000;
const POLL_MS = 100;
const SIGN_OF_LIFE_MS = 5000;

/**
 * Lets one set-up work at a time: waits while another does, and takes over from one that is dead.
 * Resolves with a function that lets go.
 */
async function acquireLock(file) {
  const begin = Date.now();
  let saidAt = -Infinity;
  for (;;) {
    if (tryLock(file)) break;
    const owner = ownerOf(file);
    if (owner === undefined) continue;
    if (!isAlive(owner)) {
      takeAway(file, owner);
      continue;
    }
    const waited = Date.now() - begin;
    if (waited > WAIT_MS) {
      throw new SetupError(
        `another set-up (process ${owner}) does not end: end it, or remove ${file}, then try again`,
      );
    }
    if (waited - saidAt >= SIGN_OF_LIFE_MS) {
      process.stdout.write(
        `another set-up (process ${owner}) is at work, waiting for it ... ${Math.round(waited / 1000)} s\n`,
      );
      saidAt = waited;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const release = () => fs.rmSync(file, { force: true });
  const interrupted = (signal) => {
    release();
    // With a listener Node no longer ends by itself at a signal; the codes are those it would have ended with.
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  return () => {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    release();
  };
}

function tryLock(file) {
  try {
    fs.writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw new SetupError(`${path.dirname(file)} cannot be written: ${error.message}`);
  }
}

/** Process id; 0 while its owner is just about to write it; undefined when the lock is gone. */
function ownerOf(file) {
  try {
    return Number(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Moved aside before it is removed, so that of two who find it dead only one takes it away. */
function takeAway(file, owner) {
  const aside = `${file}.dead.${process.pid}`;
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  // Someone else was faster, and this is the new lock of a living set-up: give it back.
  if (ownerOf(aside) !== owner) fs.renameSync(aside, file);
  else fs.rmSync(aside, { force: true });
}

module.exports = { acquireLock };
