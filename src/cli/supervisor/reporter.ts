import { createColors } from 'picocolors';

export type Level = 'info' | 'warn' | 'error';
type Formatter = (text: string) => string;

/** Whether to colour what goes to this stream (https://no-color.org). */
export function wantsColour(stream: { readonly isTTY?: boolean }): boolean {
  if (process.env['NO_COLOR']) return false;
  if (process.env['FORCE_COLOR']) return process.env['FORCE_COLOR'] !== '0';
  return stream.isTTY === true && process.env['TERM'] !== 'dumb';
}

/** Where a supervisor's output and that of its servers goes. */
export interface Reporter {
  /** One line of a server. */
  line(id: number, stream: 'stdout' | 'stderr', text: string): void;
  /** A sentence of the supervisor itself. */
  notice(level: Level, text: string): void;
}

/** For people: every line says whose it is. */
export function prettyReporter(servers: number): Reporter {
  const colours = createColors(wantsColour(process.stdout));
  const palette: Formatter[] = [colours.cyan, colours.yellow, colours.green, colours.magenta, colours.blue];
  const width = String(servers - 1).length;
  const marks: Record<Level, Formatter> = { info: colours.bold, warn: colours.yellow, error: colours.red };
  return {
    line: (id, stream, text) => {
      const paint = palette[id % palette.length] ?? String;
      process[stream].write(`${paint(`server ${String(id).padStart(width)} |`)} ${text}\n`);
    },
    notice: (level, text) => {
      process[level === 'error' ? 'stderr' : 'stdout'].write(`${marks[level](text)}\n`);
    },
  };
}

/** For programs: one JSON object per line; those of the servers pass through as they are. */
export function jsonReporter(): Reporter {
  return {
    line: (_id, stream, text) => {
      process[stream].write(`${text}\n`);
    },
    notice: (level, msg) => {
      const line = JSON.stringify({ ts: new Date().toISOString(), level, msg });
      process.stdout.write(`${line}\n`);
    },
  };
}
