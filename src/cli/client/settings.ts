import type { Command } from 'commander';
import { Option } from 'commander';
import { localServers } from '../../client/connect';
import type { ReadLevel } from '../../client/client';
import { formatAddress } from '../../network/address';
import { addresses, durationMs, port } from '../options';

const DEFAULT_TIMEOUT_MS = 10_000;

export interface Settings {
  readonly servers: readonly string[];
  readonly deadlineMs: number;
  readonly read: ReadLevel;
  readonly broadcast: boolean;
  readonly json: boolean;
  readonly failFast: boolean;
}

/** What may be said again on a line of the prompt or of a batch, for that line. */
export interface LineOptions {
  readonly timeout?: number;
  readonly read?: ReadLevel;
  readonly broadcast?: true;
}

interface ProgramOptions extends LineOptions {
  readonly port: number;
  readonly servers?: readonly string[];
  readonly json?: true;
  readonly failFast?: true;
}

const timeout = (): Option =>
  new Option('--timeout <duration>', 'every operation ends within this time: 500ms, 4s, 2m').argParser(
    durationMs,
  );
const read = (): Option =>
  new Option('--read <level>', 'what get and list may return: a stale value, or never one').choices([
    'local',
    'linearizable',
  ]);
const broadcast = (): Option =>
  new Option('--broadcast', 'send to all servers at once, take the first good answer');

export function addProgramOptions(program: Command): Command {
  return program
    .addOption(
      new Option('-p, --port <port>', 'first of five servers on this machine, on consecutive ports')
        .argParser(port)
        .default(15000)
        .env('SYNOD_PORT'),
    )
    .addOption(
      new Option('-s, --servers <list>', 'host:port,host:port,... instead of --port')
        .argParser((text) => addresses(text).map(formatAddress))
        .env('SYNOD_SERVERS'),
    )
    .addOption(timeout().default(DEFAULT_TIMEOUT_MS, '10s').env('SYNOD_TIMEOUT'))
    .addOption(read().default('local').env('SYNOD_READ'))
    .addOption(broadcast().env('SYNOD_BROADCAST'))
    .addOption(new Option('--json', 'one JSON object per operation on a line').env('SYNOD_JSON'))
    .addOption(new Option('--fail-fast', 'end a batch at its first failed line').env('SYNOD_FAIL_FAST'));
}

export function addLineOptions(program: Command): Command {
  return program.addOption(timeout()).addOption(read()).addOption(broadcast());
}

/** Commander takes any value of a switch's variable for "on", even none; here these say "off". */
export function readSwitchesFromEnvironment(program: Command): void {
  for (const { envVar, required } of program.options)
    if (
      envVar !== undefined &&
      (required ? /^$/ : /^(0|false|no|off)?$/i).test(process.env[envVar] ?? 'unset')
    )
      Reflect.deleteProperty(process.env, envVar);
}

export function settingsOf(program: Command): Settings {
  const options = program.opts<ProgramOptions>();
  const fromFlag = (name: string): boolean => program.getOptionValueSource(name) === 'cli';
  if (fromFlag('port') && fromFlag('servers'))
    program.error("error: give either '--port' or '--servers', not both");
  const { servers } = options;
  return {
    servers: servers === undefined || fromFlag('port') ? localServers(options.port) : servers,
    deadlineMs: options.timeout ?? DEFAULT_TIMEOUT_MS,
    read: options.read ?? 'local',
    broadcast: options.broadcast ?? false,
    json: options.json ?? false,
    failFast: options.failFast ?? false,
  };
}
