import { Argument, Command, CommanderError } from 'commander';
import { API_ERRORS } from '../../api/errors';
import type { SynodClient } from '../../client/client';
import { ClientError } from '../../client/errors';
import { addCommands } from './commands';
import type { Task } from './commands';
import { EXIT, exitCodeOf } from './exit-codes';
import type { ExitCode } from './exit-codes';
import { Output, place } from './output';
import type { Streams } from './output';
import { addLineOptions } from './settings';
import type { LineOptions, Settings } from './settings';
import { UnclosedQuote, wordsOf } from './words';

/** After this time a person wonders whether anything happens. */
const SLOW_MS = 1500;

/** Carries out commands, one after the other, and prints how they went. */
export class Session {
  readonly client: SynodClient;
  readonly output: Output;
  readonly #settings: Settings;
  readonly #streams: Streams;
  #exitCode: ExitCode = EXIT.ok;
  #ended = false;

  constructor(client: SynodClient, settings: Settings, streams: Streams, interactive: boolean) {
    this.client = client;
    this.#settings = settings;
    this.#streams = streams;
    this.output = new Output(streams, { json: settings.json, interactive });
  }

  /** Whether `quit` was asked for. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Carries out one line of the prompt or of a batch. */
  async execute(line: string, signal: AbortSignal, lineNumber?: number): Promise<ExitCode> {
    this.#exitCode = EXIT.ok;
    try {
      const words = wordsOf(line);
      if (words.length === 0) return EXIT.ok;
      await this.lineProgram(signal, lineNumber).parseAsync(words, { from: 'user' });
      return this.#exitCode;
    } catch (error) {
      if (error instanceof UnclosedQuote)
        this.#streams.stderr.write(`${place(lineNumber)}error: ${error.message}\n`);
      else if (!(error instanceof CommanderError)) throw error;
      else if (error.exitCode === 0) return EXIT.ok;
      if (this.output.json) this.output.data(usageErrorLine(error.message, lineNumber));
      return EXIT.usage;
    }
  }

  /** The commands of a line. */
  lineProgram(signal: AbortSignal, lineNumber?: number): Command {
    const program = strict(new Command('line'), this.#streams, place(lineNumber))
      .usage('<command>')
      .configureHelp({
        showGlobalOptions: true,
        commandUsage: (command) =>
          command.parent === null ? command.usage() : `${command.name()} ${command.usage()}`,
      })
      .helpOption('-h, --help', 'show this')
      .helpCommand('help [command]', 'show the commands, or how to use one')
      .addHelpText(
        'after',
        [
          '',
          'Words with spaces: "in double quotes" or \'in single quotes\'.',
          'In double quotes, \\n, \\t, \\" and \\\\ stand for a new line, a tab, a quote and a backslash.',
          'A value that begins with "-": put -- key -5',
        ].join('\n'),
      );
    addLineOptions(program);
    addCommands(program, async (command, task) => {
      this.#exitCode = await this.perform(command, task, signal, program.opts<LineOptions>(), lineNumber);
    });
    program
      .command('timing')
      .description('show or hide the time that each operation takes')
      .addArgument(new Argument('<on-or-off>').choices(['on', 'off']))
      .action((choice: 'on' | 'off') => {
        this.output.timing = choice === 'on';
      });
    program
      .command('quit')
      .alias('exit')
      .description('leave')
      .action(() => {
        this.#ended = true;
      });
    showUsageAfterErrors(program);
    return program;
  }

  /** Carries out one command's task. */
  async perform(
    command: string,
    task: Task,
    signal: AbortSignal,
    { timeout, read, broadcast }: LineOptions = {},
    lineNumber?: number,
  ): Promise<ExitCode> {
    const startedAt = performance.now();
    const circumstances = (): { command: string; durationMs: number; lineNumber: number | undefined } => ({
      command,
      durationMs: performance.now() - startedAt,
      lineNumber,
    });
    const deadlineMs = timeout ?? this.#settings.deadlineMs;
    const slow = setTimeout(() => {
      this.output.stillTrying(deadlineMs);
    }, SLOW_MS);
    try {
      const report = await task({
        client: this.client,
        call: {
          deadlineMs,
          broadcast: broadcast ?? this.#settings.broadcast,
          signal,
        },
        read: read ?? this.#settings.read,
        output: this.output,
      });
      this.output.report(report, circumstances());
      return report.exitCode;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.output.failure(error, circumstances());
      return exitCodeOf(error);
    } finally {
      clearTimeout(slow);
    }
  }
}

/** Makes commander write to our streams and throw instead of ending the process. */
export function strict(program: Command, streams: Streams, prefix = ''): Command {
  return program.exitOverride().configureOutput({
    writeOut: (text) => streams.stdout.write(text),
    writeErr: (text) => streams.stderr.write(text),
    outputError: (text, write) => {
      write(`${prefix}${text}`);
    },
    getOutHelpWidth: () => streams.stdout.columns ?? 80,
    getErrHelpWidth: () => streams.stderr.columns ?? 80,
  });
}

/** After an error in a command's arguments, its usage is the best hint. */
export function showUsageAfterErrors(program: Command): void {
  for (const command of program.commands)
    command.showHelpAfterError(`usage: ${command.name()} ${command.usage()}`);
  program.showHelpAfterError('"help" shows the commands.');
}

/** A line or command line that cannot be understood, for programs. */
export function usageErrorLine(message: string, lineNumber?: number): string {
  const { code, definite } = API_ERRORS.invalidParams;
  const line = lineNumber === undefined ? {} : { line: lineNumber };
  const error = {
    code,
    name: 'wrong usage',
    message: message.replace(/^error: /, '').replaceAll('\n', ' '),
    definite,
  };
  return JSON.stringify({ ...line, error });
}
