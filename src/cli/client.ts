import { Command, CommanderError } from 'commander';
import { connect } from '../client/connect';
import { InvalidArgument } from '../client/errors';
import { runBatch } from './client/batch';
import { addCommands } from './client/commands';
import { EXIT, EXIT_CODES_HELP } from './client/exit-codes';
import type { ExitCode } from './client/exit-codes';
import type { Streams } from './client/output';
import { runPrompt } from './client/prompt';
import { Session, showUsageAfterErrors, strict, usageErrorLine } from './client/session';
import { addProgramOptions, readSwitchesFromEnvironment, settingsOf } from './client/settings';
import { VERSION } from '../version';

const EXAMPLES = `
Without a command: a prompt on a terminal, or a batch of lines from standard input ("#" begins a comment).
Options have an environment variable each, as shown. A value that begins with "-": put -- key -5

Examples:
  client                                       a prompt, at 127.0.0.1:15000..15004
  client put name ada                          one command
  client get name --read linearizable          never a stale value
  client cas lock --expect-absent me           set it only if nobody has
  client list demo/ --json | jq .result        for programs
  client --servers a:15000,b:15000 status      elsewhere
  client --broadcast < commands.txt            a batch
`;

type Work = (session: Session, signal: AbortSignal, failFast: boolean) => Promise<ExitCode>;

/** The client program. Resolves with its exit code. */
export async function main(argv: readonly string[], streams: Streams = process): Promise<number> {
  let exitCode: ExitCode = EXIT.ok;
  const build = (): Command =>
    createProgram(streams, async (program, interactive, work) => {
      exitCode = await withSession(program, streams, interactive, work);
    });
  const program = build();
  readSwitchesFromEnvironment(program);
  try {
    const { operands, unknown } = build().parseOptions([...argv]);
    const words = operands.length === 0 && unknown.length === 0 ? [...argv, 'prompt'] : argv;
    await program.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError || error instanceof InvalidArgument)) throw error;
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    if (error instanceof InvalidArgument) streams.stderr.write(`error: ${error.message}\n`);
    if (argv.includes('--json') || process.env['SYNOD_JSON'] !== undefined)
      streams.stdout.write(`${usageErrorLine(error.message)}\n`);
    return EXIT.usage;
  }
}

function createProgram(
  streams: Streams,
  start: (program: Command, interactive: boolean, work: Work) => Promise<void>,
): Command {
  const program = strict(new Command('client'), streams)
    .description('Reads and writes the replicated store.')
    .usage('[options] [command]')
    .configureHelp({ showGlobalOptions: true })
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this, or how to use a command')
    .helpCommand('help [command]', 'the same')
    .addHelpText('after', `${EXAMPLES}\n${EXIT_CODES_HELP}`);
  addProgramOptions(program);
  addCommands(program, (command, task) =>
    start(program, false, (session, signal) => session.perform(command, task, signal)),
  );
  const interactive = streams.stdin.isTTY === true && streams.stdout.isTTY === true;
  program
    .command('prompt', { hidden: true })
    .description('read commands from the terminal or from standard input')
    .action(() =>
      start(program, interactive, (session, signal, failFast) =>
        interactive ? runPrompt(session, streams) : runBatch(session, streams, failFast, signal),
      ),
    );
  showUsageAfterErrors(program);
  return program;
}

async function withSession(
  program: Command,
  streams: Streams,
  interactive: boolean,
  work: Work,
): Promise<ExitCode> {
  const settings = settingsOf(program);
  const { servers, deadlineMs, broadcast } = settings;
  const client = connect({ servers, deadlineMs, broadcast });
  const abort = new AbortController();
  const cancel = (): void => {
    abort.abort();
  };
  const session = new Session(client, settings, streams, interactive);
  // Whoever read our output has left (`| head`): there is nobody to write to.
  streams.stdout.on('error', () => {
    session.output.mute();
    cancel();
  });
  process.on('SIGINT', cancel);
  try {
    return await work(session, abort.signal, settings.failFast);
  } finally {
    process.off('SIGINT', cancel);
    await client.close();
  }
}
