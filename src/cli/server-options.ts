import type { Command } from 'commander';
import { PROTOCOLS } from '../protocols/registry';
import { SESSION_LIMITS } from '../kv/sessions';
import type { ServerConfiguration } from '../server/configuration';
import { clockDrift, durationMs, leaseMs, option, probability, repeatable, wholeNumber } from './options';

/** Each takes about 1 KB of memory, in two epochs, and 4 µs of the moment when it is forgotten. */
const MOST_SESSION_CLIENTS = 10_000_000;

/** How the servers agree, as Commander parses it. */
export interface ProtocolOptions {
  readonly protocol: ServerConfiguration['protocol'];
  readonly quorums: string;
  readonly thrifty?: true;
  readonly lease?: number;
  readonly maxClockDrift: number;
}

/** The options that one server and a whole cluster have in common, as Commander parses them. */
export interface ServerOptions extends ProtocolOptions {
  readonly acceptorFailures: number;
  readonly data?: string;
  readonly ephemeral?: true;
  readonly prepopulate?: string;
  readonly host?: string;
  readonly allowHost?: readonly string[];
  readonly insecure?: true;
  readonly logLevel: ServerConfiguration['logLevel'];
  readonly logFormat: ServerConfiguration['logFormat'];
  readonly operationTimeout: number;
  readonly sessionClients: number;
}

export interface PlaceTexts {
  readonly data: string;
  readonly host: string;
}

/** Adds the options that say how the servers agree. */
export function addProtocolOptions(command: Command): Command {
  return command
    .addOption(
      option('--protocol <name>', 'consensus protocol').choices(Object.keys(PROTOCOLS)).default('paxos'),
    )
    .addOption(
      option(
        '--quorums <system>',
        'servers that a phase needs: majority, q1,q2 (q1 for phase 1, q2 for phase 2, together more than all), ' +
          'or grid:RxC (a row for phase 1, a column for phase 2); the same for all servers, for ever',
      ).default('majority'),
    )
    .addOption(
      option('--thrifty', 'ask a smallest quorum for its votes, and the others only if one of it is late'),
    )
    .addOption(
      option(
        '--lease <duration>',
        'let the leader of multi-paxos answer linearizable reads alone for so long after a quorum heard it; ' +
          'right only while no clock drifts by more than --max-clock-drift; the same for all servers',
      ).argParser(leaseMs),
    )
    .addOption(
      option('--max-clock-drift <share>', 'the most by which a clock may run too fast or too slow')
        .argParser(clockDrift)
        .default(0.01),
    );
}

/** Adds the common options; what `data` and `host` mean, and whether they have a default, differs. */
export function addServerOptions(command: Command, meaning: PlaceTexts, defaults?: PlaceTexts): Command {
  command.addOption(
    option('-f, --acceptor-failures [p]', 'leave calls on an acceptor unanswered with this probability')
      .argParser(probability)
      .preset('0.25')
      .default(0),
  );
  return addProtocolOptions(command)
    .addOption(option('--data <folder>', meaning.data).default(defaults?.data))
    .addOption(option('--ephemeral', 'keep everything in memory, whatever --data says: lost when it stops'))
    .addOption(option('--prepopulate <file>', 'the initial state of the store, a JSON object of strings'))
    .addOption(option('--host <address>', meaning.host).default(defaults?.host))
    .addOption(
      option('--allow-host <name>', 'a further name that clients may call it by (repeatable)').argParser(
        repeatable,
      ),
    )
    .addOption(option('--insecure', 'let an address be used that other machines can reach'))
    .addOption(
      option('--operation-timeout <duration>', 'longest time that a server works on one operation')
        .argParser(durationMs)
        .default(4000, '4s'),
    )
    .addOption(
      option(
        '--session-clients <number>',
        'forget clients that were silent while so many others wrote twice over: their old writes are refused',
      )
        .argParser(wholeNumber(1, MOST_SESSION_CLIENTS))
        .default(SESSION_LIMITS.clients),
    )
    .addOption(
      option('--log-level <level>', 'how much to log')
        .choices(['error', 'warn', 'info', 'debug'])
        .default('info'),
    )
    .addOption(
      option('--log-format <format>', 'for people or for programs')
        .choices(['pretty', 'json'])
        .default('pretty'),
    );
}

/** The command line that gives these options to `bin/server`. Folder, host and prepopulation are the caller's choice. */
export function serverArguments(options: ServerOptions): string[] {
  return [
    ['--acceptor-failures', decimal(options.acceptorFailures)],
    ['--protocol', options.protocol],
    ['--quorums', options.quorums],
    options.thrifty ? ['--thrifty'] : [],
    options.lease === undefined ? [] : ['--lease', `${options.lease}ms`],
    ['--max-clock-drift', decimal(options.maxClockDrift)],
    ['--log-level', options.logLevel],
    ['--log-format', options.logFormat],
    ['--operation-timeout', `${options.operationTimeout}ms`],
    ['--session-clients', String(options.sessionClients)],
    ...(options.allowHost ?? []).map((name) => ['--allow-host', name]),
    options.ephemeral ? ['--ephemeral'] : [],
    options.insecure ? ['--insecure'] : [],
  ].flat();
}

/** Without the exponent that JavaScript gives to small numbers, and the options do not take. */
function decimal(share: number): string {
  return share < 1e-6 ? share.toFixed(12) : String(share);
}
