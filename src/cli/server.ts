import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  serverConfiguration,
  StartRefused,
  type ServerConfiguration,
  type ServerMessage,
} from '../server/configuration';
import type { Address } from '../network/address';
import { startServer } from '../server/server';
import { addresses, option, program, refuseOpenHost, run, UsageError, wholeNumber } from './options';
import { addServerOptions, type ServerOptions } from './server-options';

const STOP_WITHIN_MS = 1600;

interface Options extends ServerOptions {
  readonly id?: number;
  readonly servers?: readonly Address[];
  readonly cluster: string;
  readonly tokenFile?: string;
}

function command(): Command {
  const made = program('server', 'One Synod server, for people who place their servers themselves.', [
    [
      'server --id 0 --servers 10.0.0.1:15000,10.0.0.2:15000,10.0.0.3:15000 --insecure --token-file token',
      'the first of three, on its own machine',
    ],
    ['server --id 0 --servers 127.0.0.1:15000 --token-file token --ephemeral', 'one alone, in memory'],
    ['openssl rand -hex 32 > token', 'make the token, the same for all servers'],
  ])
    .addOption(
      option('--id <number>', 'position of this server in --servers, from 0').argParser(wholeNumber(0, 98)),
    )
    .addOption(
      option(
        '--servers <list>',
        'host:port,host:port,... of all servers, in the same order everywhere',
      ).argParser(addresses),
    )
    .addOption(option('--cluster <name>', 'name of the cluster').default('synod'))
    .addOption(option('--token-file <file>', "file with the servers' shared token (or set SYNOD_TOKEN)"));
  return addServerOptions(made, {
    data: 'folder of this server alone (default: data/server-<id>)',
    host: 'address to listen on (default: its own in --servers)',
  });
}

/** Runs one server until a signal, a failure, or the end of the process that supervises it. */
export async function main(argv: readonly string[]): Promise<number> {
  const made = command();
  return await run(made, argv, () => serve(configurationOf(made.opts<Options>())));
}

function configurationOf(options: Options): ServerConfiguration {
  const { id, servers } = options;
  // Not left to Commander: it would say this before it finds the typo that is the cause.
  if (id === undefined || servers === undefined) {
    throw new UsageError('--id and --servers are needed (see server --help)');
  }
  const own = servers[id];
  refuseOpenHost(options.host ?? own?.host ?? '127.0.0.1', options.insecure === true);
  const result = serverConfiguration.safeParse({
    id,
    servers,
    host: options.host,
    allowHosts: options.allowHost,
    protocol: options.protocol,
    quorums: options.quorums,
    thrifty: options.thrifty ?? false,
    leaseMs: options.lease,
    maxClockDrift: options.maxClockDrift,
    dataFolder: options.ephemeral ? undefined : (options.data ?? join('data', `server-${id}`)),
    prepopulateFile: options.prepopulate,
    acceptorFailure: options.acceptorFailures,
    cluster: options.cluster,
    token: readToken(options.tokenFile),
    logLevel: options.logLevel,
    logFormat: options.logFormat,
    operationTimeoutMs: options.operationTimeout,
    sessionClients: options.sessionClients,
  });
  if (result.success) return result.data;
  throw new UsageError(result.error.issues[0]?.message ?? 'the configuration is not valid');
}

function readToken(file: string | undefined): string {
  if (file !== undefined) {
    try {
      return readFileSync(file, 'utf8').trim();
    } catch (error) {
      throw new UsageError(`the token file cannot be read: ${(error as Error).message}`);
    }
  }
  const token = process.env['SYNOD_TOKEN'];
  if (token !== undefined && token !== '') return token;
  throw new UsageError(
    'the servers of a cluster prove themselves by a shared token: make one with ' +
      '"openssl rand -hex 32 > token" and give the same to every server with --token-file token or SYNOD_TOKEN',
  );
}

async function serve(configuration: ServerConfiguration): Promise<number> {
  // LMDB prints a stack of its own before it reports a failed commit; the one line below says the same.
  Object.defineProperty(globalThis.console, 'error', { value: () => undefined });
  const asked = askedToStop();
  try {
    const server = await startServer(configuration);
    void server.ready.then(() => tell({ kind: 'ready' }));
    const failure = await Promise.race([server.failed, asked]);
    await server.stop();
    if (failure instanceof StartRefused) throw failure;
    if (failure !== undefined) process.stderr.write(`error: ${failure.message}\n`);
    return failure === undefined ? 0 : 1;
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error;
    return await refuse(error);
  } finally {
    // An open channel, or the timers of operations that were cut off, would keep the process alive.
    setImmediate(() => process.exit());
  }
}

/** Resolves at the first signal, when the supervisor is gone, or when nobody reads the output any more. */
function askedToStop(): Promise<undefined> {
  const supervised = process.send !== undefined;
  return new Promise((resolve) => {
    let before = false;
    const ask = (again: boolean): void => {
      // The second Ctrl-C: whoever sends it does not want to wait for an orderly end.
      if (before && again) process.exit(130);
      if (before) return;
      before = true;
      setTimeout(() => {
        // Something that should have let go holds on; the data needs no orderly end.
        process.stderr.write('error: stopping took too long, so it ended at once\n');
        process.exit(1);
      }, STOP_WITHIN_MS).unref();
      resolve(undefined);
    };
    const signalled = (): void => {
      ask(true);
    };
    const abandoned = (): void => {
      ask(false);
    };
    process.on('SIGTERM', signalled);
    process.on('SIGHUP', supervised ? abandoned : signalled);
    // Ctrl-C reaches the whole process group: what it means for a supervised server, its supervisor decides.
    process.on('SIGINT', supervised ? () => undefined : signalled);
    process.stdout.on('error', abandoned);
    process.stderr.on('error', abandoned);
    process.once('disconnect', abandoned);
    if (supervised && !process.connected) abandoned();
  });
}

/** Whoever supervises prints the reason; without a supervisor it is printed here. */
async function refuse({ message: reason, exitCode }: StartRefused): Promise<number> {
  if (process.connected) await tell({ kind: 'refused', reason });
  else process.stderr.write(`error: ${reason}\n`);
  return exitCode;
}

/** Resolves when the message is on its way, or when there is nobody to tell. */
function tell(message: ServerMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || process.send === undefined) {
      resolve();
      return;
    }
    process.send(message, () => {
      resolve();
    });
  });
}
