import type { Readable, Writable } from 'node:stream';
import { createColors } from 'picocolors';
import type { ClientError } from '../../client/errors';
import { quoted, shown } from './words';
import type { ExitCode } from './exit-codes';

export type Terminal<Stream> = Stream & { readonly isTTY?: boolean; readonly columns?: number };

/** Where the program reads and writes. */
export interface Streams {
  readonly stdin: Terminal<Readable>;
  readonly stdout: Terminal<Writable>;
  readonly stderr: Terminal<Writable>;
}

/** What a command found out. */
export interface Report {
  /** For programs: printed as JSON. */
  readonly result: object;
  /** For people, a line each: data. */
  readonly lines: readonly string[];
  /** For people: a message. */
  readonly note?: string;
  readonly exitCode: ExitCode;
}

/** How an operation went, beside its result. */
export interface Circumstances {
  readonly command: string;
  readonly durationMs: number;
  /** Of a batch, from 1. */
  readonly lineNumber: number | undefined;
}

export type Colors = ReturnType<typeof createColors>;

function colorsFor(stream: Terminal<Writable>): Colors {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return createColors(false);
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '' && FORCE_COLOR !== '0') return createColors(true);
  return createColors(stream.isTTY === true && TERM !== 'dumb');
}

export function milliseconds(durationMs: number): string {
  return `${durationMs < 100 ? durationMs.toFixed(1) : Math.round(durationMs)} ms`;
}

/** Prints for people or for programs: data on stdout, messages on stderr. */
export class Output {
  readonly colors: Colors;
  readonly json: boolean;
  readonly #streams: Streams;
  readonly #interactive: boolean;
  #muted = false;
  #showsProgress = false;
  timing: boolean;

  constructor(streams: Streams, how: { readonly json: boolean; readonly interactive: boolean }) {
    this.#streams = streams;
    this.json = how.json;
    this.#interactive = how.interactive;
    this.timing = how.interactive;
    this.colors = colorsFor(streams.stdout);
  }

  /** Says no more. */
  mute(): void {
    this.#muted = true;
  }

  data(line: string): void {
    if (!this.#muted) this.#streams.stdout.write(`${line}\n`);
  }

  message(line: string): void {
    if (!this.#muted) this.#streams.stderr.write(`${line}\n`);
  }

  /** A value from the store, as fits the reader: bytes for a pipe, nothing that steers a terminal. */
  value(text: string): string {
    if (this.#interactive) return quoted(text);
    return this.#streams.stdout.isTTY === true ? shown(text) : text;
  }

  entry(key: string, value: string): string {
    return this.#interactive ? `${shown(key)} = ${quoted(value)}` : `${shown(key)}\t${shown(value)}`;
  }

  /** Tells a person at a terminal that an operation goes on; a program waits without being told. */
  stillTrying(deadlineMs: number): void {
    if (this.#isUnattended || this.#showsProgress) return;
    this.message(this.colors.dim(`still trying, for ${deadlineMs / 1000} s in all; Ctrl-C gives up`));
  }

  /** One line that changes, for a person at a terminal; empty text takes it away. */
  progress(text: string): void {
    if (this.#isUnattended || this.#muted) return;
    this.#showsProgress = text !== '';
    this.#streams.stderr.write(`\r\u001b[K${text}`);
  }

  report(report: Report, circumstances: Circumstances): void {
    if (this.json) {
      this.#jsonLine({ result: report.result }, circumstances);
      return;
    }
    const { dim, yellow } = this.colors;
    const time = this.timing ? `(${milliseconds(circumstances.durationMs)})` : undefined;
    const [single, ...others] = report.lines;
    if (
      time !== undefined &&
      this.#interactive &&
      single !== undefined &&
      others.length === 0 &&
      !report.note
    )
      this.data(`${single} ${dim(time)}`);
    else {
      for (const line of report.lines) this.data(line);
      const note = [report.note && yellow(report.note), time && dim(time)].filter(Boolean).join(' ');
      if (note !== '') this.message(`${place(circumstances.lineNumber)}${note}`);
    }
  }

  failure(error: ClientError, circumstances: Circumstances): void {
    const { code, kind, message, definite } = error;
    if (this.json) {
      this.#jsonLine({ error: { code, name: kind, message, definite } }, circumstances);
      return;
    }
    const { red, bold, dim } = this.colors;
    const time = this.timing ? ` ${dim(`(${milliseconds(circumstances.durationMs)})`)}` : '';
    const effect = definite
      ? ''
      : ` ${bold('It may have taken effect, now or later: read before you repeat it.')}`;
    this.message(
      `${place(circumstances.lineNumber)}${red(`${kind}:`)} ${message.replace(/\.$/, '')}.${effect}${time}`,
    );
  }

  get #isUnattended(): boolean {
    return this.json || this.#streams.stderr.isTTY !== true;
  }

  #jsonLine(content: object, { command, durationMs, lineNumber }: Circumstances): void {
    const ms = Math.round(durationMs * 1000) / 1000;
    const line = lineNumber === undefined ? {} : { line: lineNumber };
    this.data(JSON.stringify({ command, ...line, ...content, ms }));
  }
}

/** Tells which line of a batch a message is about. */
export function place(lineNumber: number | undefined): string {
  return lineNumber === undefined ? '' : `line ${lineNumber}: `;
}
