'use strict';
/* Installs and builds what is missing or out of date. Uses nothing that has to be installed first. */
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { acquireLock } = require('./setup-lock');
const { runStep, SetupError } = require('./setup-step');

const ROOT = path.join(__dirname, '..');
const at = (...parts) => path.join(ROOT, ...parts);
const INSTALL_STAMP = at('node_modules', '.synod-setup');
const BUILD_STAMP = at('dist', '.synod-setup');
const BUILD_INFO = at('dist', '.tsbuildinfo');

/** npm's own pauses let people without a network wait for more than a minute. */
const NPM_RETRIES = ['--fetch-retries=3', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=4000'];

async function main(args) {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(
      'Usage: node bin/setup [--build]\n\nInstalls and builds what is out of date.\n  --build  build even when nothing changed\n',
    );
    return;
  }
  const unknown = args.find((arg) => arg !== '--build');
  try {
    if (unknown !== undefined) throw new SetupError(`unknown option "${unknown}" (there is only --build)`, 2);
    await setUp(args.includes('--build'));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}

async function setUp(forceBuild) {
  // An installed package comes built.
  if (!fs.existsSync(at('src', 'tsconfig.json'))) return;
  if (!forceBuild && !installWork() && !buildWork()) return;
  const release = await acquireLock(at('.setup.lock'));
  try {
    // Another set-up may have done it meanwhile: look again.
    const install = installWork();
    if (install) await installDependencies(install);
    const build = buildWork();
    if (build || forceBuild) await buildSources(build || 'as asked');
  } finally {
    release();
  }
}

/** Why to install, or undefined. */
function installWork() {
  const wanted = installKey();
  const stamp = readIfThere(INSTALL_STAMP);
  if (stamp === wanted) return undefined;
  if (stamp === undefined && installedByHand()) {
    fs.writeFileSync(INSTALL_STAMP, wanted);
    return undefined;
  }
  return fs.existsSync(at('node_modules')) ? 'the dependencies changed' : 'for the first time';
}

function installKey() {
  const lock = readIfThere(at('package-lock.json'));
  if (lock === undefined)
    throw new SetupError('package-lock.json is missing: bring it back with "git checkout package-lock.json"');
  return hashOf([lock, process.platform, process.arch]);
}

/** Whether somebody's own `npm ci` or `npm install` already brought everything in the lock. */
function installedByHand() {
  try {
    const wanted = JSON.parse(fs.readFileSync(at('package-lock.json'), 'utf8')).packages;
    const found = JSON.parse(fs.readFileSync(at('node_modules', '.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(
      ([where, { version, optional }]) => where === '' || optional || found[where]?.version === version,
    );
  } catch {
    return false;
  }
}

async function installDependencies(why) {
  // Gone first: an install that is interrupted must be done again.
  remove(INSTALL_STAMP, at('node_modules', '.package-lock.json'));
  const npm = npmCommand();
  await runStep({
    label: `installing dependencies (npm ci), ${why}`,
    command: [...npm, 'ci', '--include=dev', '--no-audit', '--no-fund', ...NPM_RETRIES],
    cwd: ROOT,
    shell: npm.length === 1 && process.platform === 'win32',
    explain: explainNpm,
  });
  fs.writeFileSync(INSTALL_STAMP, installKey());
}

/** The npm that runs this script, or else the one on the path. */
function npmCommand() {
  const running = process.env.npm_execpath;
  return running && /npm-cli\.[cm]?js$/.test(running) ? [process.execPath, running] : ['npm'];
}

function explainNpm(output) {
  if (/EBADENGINE/.test(output))
    return 'this Node does not suit a dependency: use the newest release of Node 20, 22 or 24';
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT|FETCH_ERROR/.test(
      output,
    )
  )
    return 'the package registry cannot be reached: check the network (or the proxy settings of npm), then try again';
  if (/\b(UNABLE_TO|SELF_SIGNED|CERT_|DEPTH_ZERO)/.test(output))
    return "the registry's certificate is not trusted here: point NODE_EXTRA_CA_CERTS at your network's certificate, then try again";
  if (/\b(EACCES|EPERM|EROFS)\b/.test(output))
    return `a file may not be written: make ${ROOT} and npm's cache (npm config get cache) your own, then try again`;
  if (/\bENOSPC\b/.test(output)) return 'the disk is full: make room, then try again';
  if (/\bE(401|403|404)\b/.test(output))
    return 'the registry refuses a package: check "npm config get registry", then try again';
  if (/\bEINTEGRITY\b/.test(output))
    return 'a download is damaged: run "npm cache clean --force", then try again';
  if (/\bEUSAGE\b/.test(output)) return 'package.json and package-lock.json do not fit: run "npm install"';
  if (/\bENOENT\b.*\bnpm\b|npm: not found/.test(output))
    return 'npm was not found: it comes with Node, see https://nodejs.org';
  return "npm's message above says why";
}

/** Why to build, or undefined. */
function buildWork() {
  const stamp = readIfThere(BUILD_STAMP);
  if (stamp === buildKey()) return missingOutput() ? 'files were missing' : undefined;
  return stamp === undefined ? 'for the first time' : 'the sources changed';
}

function buildKey() {
  const files = ['tsconfig.json', 'package-lock.json', ...filesBelow('src')];
  return hashOf(files.flatMap((file) => [file, readIfThere(at(file)) ?? '']));
}

function expectedOutputs() {
  return filesBelow('src')
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .flatMap((file) => ['.js', '.js.map', '.d.ts'].map((end) => `dist${file.slice(3, -3)}${end}`));
}

function missingOutput() {
  return expectedOutputs().some((file) => !fs.existsSync(at(file)));
}

async function buildSources(why) {
  // Without a stamp the last build may have been interrupted half-way: then trust nothing of it.
  const trusted = fs.existsSync(BUILD_STAMP) && !missingOutput();
  remove(BUILD_STAMP, ...(trusted ? [] : [BUILD_INFO]));
  const key = buildKey();
  await runStep({
    label: `building (tsc), ${why}`,
    command: [
      process.execPath,
      at('node_modules', 'typescript', 'bin', 'tsc'),
      '-p',
      'src',
      '--pretty',
      String(process.stdout.isTTY === true),
    ],
    cwd: ROOT,
    explain: (output) =>
      /error TS\d+/.test(output) ? 'correct the type errors above, then try again' : 'see the message above',
  });
  const outputs = expectedOutputs();
  const expected = new Set(outputs);
  const stale = filesBelow('dist').filter((file) => !expected.has(file) && !file.endsWith('.tsbuildinfo'));
  remove(...stale.map((file) => at(file)));
  // Sources that changed while tsc read them are built next time.
  fs.writeFileSync(BUILD_STAMP, key);
}

/** Paths of all files below a folder of the project, relative to the project, with "/" between the parts. */
function filesBelow(folder) {
  if (!fs.existsSync(at(folder))) return [];
  return fs
    .readdirSync(at(folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(name) : [name];
    });
}

function hashOf(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}

function readIfThere(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function remove(...files) {
  for (const file of files) fs.rmSync(file, { force: true });
}

module.exports = { main };
