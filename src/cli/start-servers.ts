import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Address } from '../network/address';
import { option, PACKAGE_ROOT, port, program, refuseOpenHost, run, UsageError, wholeNumber } from './options';
import { addServerOptions, type ServerOptions } from './server-options';
import { StartRefused, whyNoLease, whyNoQuorums } from '../server/configuration';
import { ClusterFolder, newCluster } from './supervisor/cluster-folder';
import { findPrepopulateFile, membersAt, SERVER_PROGRAM, supervisorPlan } from './supervisor/plan';
import { whyNotBindable } from './supervisor/ports';
import { jsonReporter, prettyReporter, type Reporter } from './supervisor/reporter';
import { Supervisor } from './supervisor/supervisor';

const SIGN_OF_LIFE_MS = 3000;

export interface StartServersOptions extends ServerOptions {
  readonly servers: number;
  readonly data: string;
  readonly host: string;
  readonly restart: boolean;
}

/** Where the program of one server is; tests put another one in its place. */
export interface Surroundings {
  readonly program: string;
}

const surroundings: Surroundings = { program: SERVER_PROGRAM };

/** Runs a whole cluster, one process per server, until Ctrl-C. */
export async function main(argv: readonly string[], around = surroundings): Promise<number> {
  const command = program('start-servers', 'A cluster of Synod servers on this machine, until Ctrl-C.', [
    ['start-servers', 'five servers on ports 15000 to 15004, data in data/15000'],
    ['start-servers 16000 -n 3', 'three servers on ports 16000 to 16002'],
    ['start-servers 16000 -f 0.5', 'half of all calls on an acceptor go unanswered'],
    ['start-servers --ephemeral', 'nothing is written to disk'],
  ])
    .argument('[basePort]', 'port of server 0; the others follow (env: SYNOD_PORT)', port)
    .addOption(
      option('-n, --servers <count>', 'how many servers', 'SYNOD_SERVER_COUNT')
        .argParser(wholeNumber(1, 99))
        .default(5),
    )
    .addOption(option('--no-restart', 'leave a server that died dead'));
  addServerOptions(
    command,
    { data: 'folder of all data, one folder per base port', host: 'address to listen on' },
    { data: 'data/', host: '127.0.0.1' },
  );
  return await run(command, argv, () => {
    const basePort = command.processedArgs[0] as number | undefined;
    return startServers(basePort ?? basePortFromEnvironment(), command.opts<StartServersOptions>(), around);
  });
}

function basePortFromEnvironment(): number {
  const text = process.env['SYNOD_PORT'];
  if (text === undefined || text === '') return 15000;
  try {
    return port(text);
  } catch (error) {
    throw new UsageError(`SYNOD_PORT is "${text}": ${(error as Error).message}`);
  }
}

async function startServers(
  basePort: number,
  options: StartServersOptions,
  around: Surroundings,
): Promise<number> {
  const begin = performance.now();
  const members = placesOf(basePort, options);
  const obstacle =
    whyNoQuorums(options.quorums, members.length) ?? whyNoLease(options.protocol, options.lease);
  if (obstacle !== undefined) throw new StartRefused(obstacle);
  const prepopulateFile = findPrepopulateFile(options.prepopulate);
  const folder = options.ephemeral
    ? undefined
    : new ClusterFolder(join(options.data, String(basePort)), options, members);
  for (const member of members) {
    const obstacle = await whyNotBindable({ ...member, host: options.host });
    if (obstacle !== undefined) throw new UsageError(obstacle);
  }
  const cluster = folder?.open(options, members) ?? newCluster(options, members);

  const reporter = options.logFormat === 'json' ? jsonReporter() : prettyReporter(members.length);
  const plan = { ...around, members, cluster, folder, host: options.host, prepopulateFile, options };
  const supervisor = new Supervisor(
    { ...supervisorPlan(plan), noRestartBecause: whyNoRestart(options) },
    reporter,
  );
  stopOnSignals(supervisor, reporter);
  const last = basePort + members.length - 1;
  const where = folder === undefined ? 'in memory only' : `data in ${folder.path}`;
  const percent = options.acceptorFailures * 100;
  const failures = percent === 0 ? '' : `; ${percent} % of the calls on acceptors go unanswered`;
  reporter.notice(
    'info',
    `starting ${members.length} servers on ${options.host}:${basePort}-${last}, ${where}${failures}`,
  );
  return await supervise(supervisor, reporter, (count) => {
    folder?.markStarted();
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    const some = count === members.length ? '' : `: ${count} of ${members.length} servers`;
    reporter.notice('info', `ready after ${seconds} s${some}. Try: ${clientCommand(basePort)}`);
  });
}

function placesOf(basePort: number, options: StartServersOptions): Address[] {
  refuseOpenHost(options.host, options.insecure === true);
  if (basePort + options.servers - 1 > 65535) {
    throw new UsageError(`${options.servers} servers from port ${basePort} on would need ports above 65535`);
  }
  const wildcards: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return membersAt(wildcards[options.host] ?? options.host, basePort, options.servers);
}

function whyNoRestart(options: StartServersOptions): string | undefined {
  if (options.ephemeral) return 'because with --ephemeral it has forgotten its promises';
  return options.restart ? undefined : '(--no-restart)';
}

function clientCommand(basePort: number): string {
  const ports = basePort === 15000 ? [] : ['--port', String(basePort)];
  if (!existsSync(join(PACKAGE_ROOT, 'src'))) return ['synod client', ...ports].join(' ');
  const client = relative('.', join(PACKAGE_ROOT, 'bin', 'client'));
  const npm = ['npm run client', ...(ports.length === 0 ? [] : ['--', ...ports])].join(' ');
  return `${client} --port ${basePort}   (or: ${npm})`;
}

function stopOnSignals(supervisor: Supervisor, reporter: Reporter): void {
  let before = false;
  const signalled = (): void => {
    if (before) {
      supervisor.kill();
      return;
    }
    before = true;
    reporter.notice('info', 'stopping (once more ends it at once)');
    supervisor.stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, signalled);
  // Nobody reads any more, as after `| head`: that is no failure.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => {
      supervisor.stop();
    });
  }
}

/** Runs the servers to their end, whatever happens on the way; returns the exit code. */
async function supervise(
  supervisor: Supervisor,
  reporter: Reporter,
  onReady: (servers: number) => void,
): Promise<number> {
  const stopSigns = showSignsOfLife(supervisor, reporter);
  try {
    supervisor.start();
    const ready = supervisor.ready.then((servers) => {
      stopSigns();
      onReady(servers);
    });
    await Promise.race([ready, supervisor.ended]);
    const exitCode = await supervisor.ended;
    if (exitCode === 1) reporter.notice('error', 'error: no server runs any more');
    return exitCode;
  } finally {
    stopSigns();
    supervisor.stop();
    await supervisor.ended;
  }
}

/** Says whom it waits for, ever more seldom. Returns a function that ends it. */
function showSignsOfLife(supervisor: Supervisor, reporter: Reporter): () => void {
  const begin = performance.now();
  let timer: NodeJS.Timeout;
  const next = (afterMs: number): void => {
    timer = setTimeout(() => {
      const seconds = Math.round((performance.now() - begin) / 1000);
      reporter.notice('info', `waiting for server ${supervisor.notReady.join(', ')} (${seconds} s)`);
      next(Math.min(afterMs * 2, 16 * SIGN_OF_LIFE_MS));
    }, afterMs);
  };
  next(SIGN_OF_LIFE_MS);
  return () => {
    clearTimeout(timer);
  };
}
