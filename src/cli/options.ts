import { join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { MAX_CLOCK_DRIFT, MAX_LEASE_MS, StartRefused } from '../server/configuration';
import { isLoopback, parseAddress, type Address } from '../network/address';
import { VERSION } from '../version';

/** The folder of package.json, in a clone as well as in an installed package. */
export const PACKAGE_ROOT = join(__dirname, '..', '..');

/** What was asked for cannot be: one line on stderr, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function packageVersion(): string {
  return VERSION;
}

/** A program with the habits that all of them share: version, help after an error, suggestions, examples. */
export function program(
  name: string,
  summary: string,
  examples: readonly (readonly [string, string])[],
): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, meaning]) => `  ${line.padEnd(width)}  ${meaning}`);
  return new Command(name)
    .description(summary)
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}\n`)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      // "error: unknown option '--prot'" and its suggestion share one line.
      outputError: (text, write) => {
        write(`${text.trimEnd().replaceAll(/\n+/g, ' ')} (see ${name} --help)\n`);
      },
    });
}

/** An option that can also come from `SYNOD_<NAME>`; the name follows from the long flag unless given. */
export function option(flags: string, description: string, variable?: string): Option {
  const made = new Option(flags, description);
  const long = (made.long ?? flags).replace(/^--/, '');
  return made.env(variable ?? `SYNOD_${long.toUpperCase().replaceAll('-', '_')}`);
}

/**
 * Parses `argv` and runs `act`; returns the exit code. A usage error is one line on stderr and exit code 2;
 * help and version are exit code 0.
 */
export async function run(
  command: Command,
  argv: readonly string[],
  act: () => Promise<number>,
): Promise<number> {
  try {
    readSwitchesFromEnvironment(command);
    command.parse([...argv], { from: 'user' });
    return await act();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof UsageError || error instanceof StartRefused)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    return 2;
  }
}

/** Commander takes any value of a switch's variable for "on"; here `0`, `false`, `no` and `off` are off. */
function readSwitchesFromEnvironment(command: Command): void {
  for (const each of command.options) {
    const value = each.envVar === undefined ? undefined : process.env[each.envVar];
    if (each.envVar === undefined || value === undefined) continue;
    const takesNoValue = !each.required && !each.optional;
    const off = value === '' || (takesNoValue && /^(0|false|no|off)$/i.test(value));
    if (off) Reflect.deleteProperty(process.env, each.envVar);
    else if (takesNoValue && !/^(1|true|yes|on)$/i.test(value)) {
      throw new UsageError(`${each.envVar} is "${value}": say 1 or 0`);
    }
  }
}

/** A whole number within bounds, both inclusive. */
export function wholeNumber(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (number >= minimum && number <= maximum) return number;
    throw new InvalidArgumentError(`A whole number from ${minimum} to ${maximum} is needed.`);
  };
}

export const port = wholeNumber(1, 65535);

export function probability(text: string): number {
  const number = /^(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : NaN;
  if (number >= 0 && number <= 1) return number;
  const hint = number > 1023 ? ' A port goes before the flag.' : '';
  throw new InvalidArgumentError(`A probability from 0 to 1 is needed.${hint}`);
}

/** `500ms`, `4s`, `2m`, or a plain number of milliseconds. Result in milliseconds. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text.trim());
  const factor = { ms: 1, s: 1000, m: 60_000 }[match?.[2] ?? 'ms'] ?? 1;
  const milliseconds = Math.round(Number(match?.[1]) * factor);
  if (milliseconds >= 1 && milliseconds <= 86_400_000) return milliseconds;
  throw new InvalidArgumentError('A duration such as 500ms, 4s or 2m is needed.');
}

/** As `durationMs`, up to a minute: after a crash of the leader nobody writes before its lease ends. */
export function leaseMs(text: string): number {
  const milliseconds = durationMs(text);
  if (milliseconds <= MAX_LEASE_MS) return milliseconds;
  throw new InvalidArgumentError('A lease of up to 1m is needed: when a leader dies, all wait for its end.');
}

/** The share by which a clock may be wrong. */
export function clockDrift(text: string): number {
  const number = /^(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : NaN;
  if (number >= 0 && number <= MAX_CLOCK_DRIFT) return number;
  throw new InvalidArgumentError(`A share from 0 to ${MAX_CLOCK_DRIFT} is needed, such as 0.01.`);
}

/** `host:port,host:port,...` */
export function addresses(text: string): Address[] {
  try {
    return text.split(',').map(parseAddress);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

/** Collects an option that may be repeated; its variable holds a list with commas. */
export function repeatable(text: string, previous: readonly string[] = []): string[] {
  return [...previous, ...text.split(',').filter((part) => part !== '')];
}

/** Clients are not authenticated: an address that other machines can reach must be asked for twice. */
export function refuseOpenHost(host: string, insecure: boolean): void {
  if (insecure || isLoopback(host)) return;
  throw new UsageError(
    `${host} can be reached from other machines, and clients are not authenticated: ` +
      'use 127.0.0.1, or add --insecure if the network keeps strangers out',
  );
}
