import { Argument, InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { LIMITS } from '../../api/methods';
import type { CallOptions, LogLevel, ReadLevel, SynodClient } from '../../client/client';
import * as cluster from './cluster-commands';
import { EXIT } from './exit-codes';
import { addLoadCommands } from './load-commands';
import type { Output, Report } from './output';
import { formatAddress, parseAddress } from '../../network/address';
import { probability, wholeNumber } from '../options';
import { quoted } from './words';

/** What a command works with. */
export interface Context {
  readonly client: SynodClient;
  readonly call: CallOptions;
  readonly read: ReadLevel;
  readonly output: Output;
}

export type Task = (context: Context) => Promise<Report>;
/** Carries out a command's task, and sees to its output, time and errors. */
export type Run = (command: string, task: Task) => Promise<void>;

/** Adds the commands that work the same on the command line, at the prompt and in a batch. */
export function addCommands(program: Command, run: Run): void {
  addStoreCommands(program, run);
  addCompareAndSet(program, run);
  addList(program, run);
  addLoadCommands(program, run);
  addClusterCommands(program, run);
}

function addStoreCommands(program: Command, run: Run): void {
  program
    .command('put <key> <value>')
    .description('set a key to a value')
    .action((key: string, value: string) =>
      run('put', async ({ client, call }) => {
        const result = await client.put(key, value, call);
        const line = `${result.replaced ? 'replaced' : 'created'}, slot ${result.slot}`;
        return { result, lines: [line], exitCode: EXIT.ok };
      }),
    );
  program
    .command('get <key>')
    .description('read a key')
    .action((key: string) =>
      run('get', async ({ client, call, read, output }) => {
        const result = await client.get(key, { ...call, read });
        return result.found
          ? { result, lines: [output.value(result.value ?? '')], exitCode: EXIT.ok }
          : { result, lines: [], note: `${quoted(key)} is not in the store`, exitCode: EXIT.negative };
      }),
    );
  program
    .command('delete <key>')
    .alias('del')
    .description('remove a key')
    .action((key: string) =>
      run('delete', async ({ client, call }) => {
        const result = await client.delete(key, call);
        return result.deleted
          ? { result, lines: [`deleted, slot ${result.slot}`], exitCode: EXIT.ok }
          : { result, lines: [], note: `${quoted(key)} was not in the store`, exitCode: EXIT.negative };
      }),
    );
}

function addCompareAndSet(program: Command, run: Run): void {
  const cas: Command = program
    .command('cas <key> [values...]')
    .usage('[options] <key> <expect> <value>')
    .description('set a key to a value if it has the expected one')
    .option('--expect-absent', 'expect that the key is not there: cas <key> --expect-absent <value>')
    .option('--delete', 'remove the key instead of setting it: cas <key> <expect> --delete')
    .action((key: string, values: string[], options: { expectAbsent?: true; delete?: true }) => {
      const rest = [...values];
      const expect = options.expectAbsent ? null : rest.shift();
      const value = options.delete ? null : rest.shift();
      if (expect === undefined || value === undefined || rest.length > 0)
        cas.error(`error: ${rest.length > 0 ? 'too many' : 'too few'} values after the key`);
      return run('cas', async ({ client, call }) => {
        const result = await client.compareAndSet(key, { expect, value }, call);
        if (result.swapped) {
          const done = value === null ? 'deleted' : 'set';
          return { result, lines: [`${done}, slot ${result.slot}`], exitCode: EXIT.ok };
        }
        const found = result.actual === null ? 'is not in the store' : `is ${quoted(result.actual)}`;
        return { result, lines: [], note: `unchanged: ${quoted(key)} ${found}`, exitCode: EXIT.negative };
      });
    });
}

function addList(program: Command, run: Run): void {
  program
    .command('list [prefix]')
    .alias('ls')
    .description('show keys and values in key order, as key<TAB>value')
    .option('--after <key>', 'only keys after this one')
    .option('--limit <count>', 'at most so many', wholeNumber(1, LIMITS.listEntries), 100)
    .action((prefix: string | undefined, options: { after?: string; limit: number }) =>
      run('list', async ({ client, call, read, output }) => {
        const result = await client.list({ ...call, ...options, prefix, read });
        const lines = result.entries.map(({ key, value }) => output.entry(key, value));
        const last = result.entries.at(-1)?.key;
        const more = result.more && last !== undefined ? `more: list again with --after ${quoted(last)}` : '';
        const note = lines.length === 0 ? 'no keys' : more;
        return { result, lines, ...(note !== '' && { note }), exitCode: EXIT.ok };
      }),
    );
}

function serverAddress(text: string): string {
  try {
    return formatAddress(parseAddress(text));
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

function addClusterCommands(program: Command, run: Run): void {
  program
    .command('status')
    .description('ask every server how it is, and compare their stores')
    .action(() => run('status', ({ client, call, output }) => cluster.status(client, call, output.colors)));
  program
    .command('faults')
    .description('show or set the probability that a call on an acceptor goes unanswered, at all servers')
    .addArgument(new Argument('[probability]', '0 to 1').argParser(probability))
    .option('--at <host:port>', 'at this server only', serverAddress)
    .action((acceptorFailure: number | undefined, { at }: { at?: string }) =>
      run('faults', ({ client, call }) => cluster.faults(client, call, at, acceptorFailure)),
    );
  program
    .command('log-level')
    .description('show or set what the servers log, at all servers')
    .addArgument(new Argument('[level]').choices(['error', 'warn', 'info', 'debug']))
    .option('--at <host:port>', 'at this server only', serverAddress)
    .action((level: LogLevel | undefined, { at }: { at?: string }) =>
      run('log-level', ({ client, call }) => cluster.logLevel(client, call, at, level)),
    );
}
