import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import { ClientError } from '../../client/errors';
import { complete } from './completion';
import { EXIT } from './exit-codes';
import type { ExitCode } from './exit-codes';
import { HISTORY_LINES, HistoryFile } from './history';
import type { Streams } from './output';
import type { Session } from './session';

const GREETING_PATIENCE_MS = 1000;

/** Reads commands from the terminal and carries them out, until Ctrl-D or `quit`. */
export async function runPrompt(session: Session, streams: Streams): Promise<ExitCode> {
  await greet(session);
  await new Prompt(session, streams).run();
  return EXIT.ok;
}

async function greet({ client, output }: Session): Promise<void> {
  const { bold, dim, yellow } = output.colors;
  const hint = dim('"help" shows the commands, TAB completes, Ctrl-D leaves.');
  try {
    const status = await client.status(undefined, { deadlineMs: GREETING_PATIENCE_MS });
    const cluster = `${status.protocol} on ${status.members.length} servers, ${status.entries} keys`;
    output.message(`${bold('Synod')} ${status.version}: ${cluster}.\n${hint}`);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    const missing = `No server answers yet at ${client.servers.join(', ')}.\n"start-servers" runs five.`;
    output.message(`${bold('Synod')}. ${yellow(missing)}\n${hint}`);
  }
}

class Prompt {
  readonly #session: Session;
  readonly #streams: Streams;
  readonly #history = new HistoryFile();
  readonly #readline: Interface;
  #historyWorks = true;
  /** Of the operation in progress. */
  #abort: AbortController | undefined;
  /** Lines typed while an operation was in progress. */
  readonly #typed: string[] = [];

  constructor(session: Session, streams: Streams) {
    this.#session = session;
    this.#streams = streams;
    this.#readline = createInterface({
      input: streams.stdin,
      output: streams.stdout,
      terminal: true,
      history: this.#history.read(),
      historySize: HISTORY_LINES,
      removeHistoryDuplicates: true,
      completer: (line: string, callback: (error: Error | null, completion: [string[], string]) => void) => {
        const program = session.lineProgram(new AbortController().signal);
        complete(line, program, session.client).then(
          (completion) => {
            callback(null, completion);
          },
          (error: unknown) => {
            callback(error as Error, [[], line]);
          },
        );
      },
    });
  }

  async run(): Promise<void> {
    try {
      await this.#untilClosed();
    } finally {
      this.#readline.close();
    }
  }

  #untilClosed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#readline.on('line', (line) => {
        this.#typed.push(line);
        if (this.#abort === undefined) this.#work().catch(reject);
      });
      this.#readline.on('history', (history) => {
        this.#keep(history);
      });
      this.#readline.on('SIGINT', () => {
        this.#interrupt();
      });
      this.#readline.on('close', () => {
        this.#abort?.abort();
        if (!this.#session.ended) this.#streams.stdout.write('\n');
        resolve();
      });
      this.#show();
    });
  }

  async #work(): Promise<void> {
    for (let line = this.#typed.shift(); line !== undefined; line = this.#typed.shift()) {
      this.#abort = new AbortController();
      await this.#session.execute(line, this.#abort.signal);
      if (this.#session.ended) {
        this.#readline.close();
        return;
      }
    }
    this.#abort = undefined;
    this.#show();
  }

  #show(): void {
    const { client, output } = this.#session;
    this.#readline.setPrompt(`${output.colors.cyan(client.server)}> `);
    this.#readline.prompt();
  }

  /** Ctrl-C: gives up the operation in progress, or the line being typed. */
  #interrupt(): void {
    if (this.#abort !== undefined) {
      this.#typed.length = 0;
      this.#abort.abort();
      return;
    }
    const hint = this.#readline.line === '' ? ' (Ctrl-D or "quit" leaves)' : '^C';
    this.#streams.stdout.write(`${hint}\n`);
    this.#readline.write(null, { ctrl: true, name: 'e' });
    this.#readline.write(null, { ctrl: true, name: 'u' });
    this.#show();
  }

  #keep(newestFirst: readonly string[]): void {
    if (!this.#historyWorks) return;
    try {
      this.#history.write(newestFirst);
    } catch (error) {
      this.#historyWorks = false;
      this.#session.output.message(`The history of lines is not kept: ${(error as Error).message}`);
    }
  }
}
