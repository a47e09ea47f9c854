import { config, createLogger, format, transports, type Logger } from 'winston';
import { formatBallot, type Ballot } from '../core/ballot';
import type { ProtocolEvent } from '../core/events';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type LogFormat = 'pretty' | 'json';

/** Fields of a log line besides its message. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** `key=value`, quoted where it would not be read back as one word. */
function formatField([key, value]: [string, unknown]): string {
  const text = String(value);
  return `${key}=${/^[^\s"=\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text)}`;
}

const pretty = format.printf(({ level, message, timestamp, ...fields }) => {
  const time = String(timestamp).slice(11, 23);
  return [
    time,
    level.toUpperCase().padEnd(5),
    String(message),
    ...Object.entries(fields).map(formatField),
  ].join(' ');
});

const json = format.printf(({ level, message, timestamp, ...fields }) =>
  JSON.stringify({ ts: timestamp, level, msg: message, ...fields }),
);

function eventFields(event: ProtocolEvent): LogFields {
  const fields: Record<string, string | number | boolean | null> = {};
  for (const [key, value] of Object.entries<string | number | boolean | Ballot>(event)) {
    if (key === 'kind') continue;
    if (typeof value === 'object') fields[key] = formatBallot(value);
    else fields[key] = typeof value === 'number' ? Number(value.toFixed(1)) : value;
  }
  return fields;
}

/** One line per event, on standard output. What the level leaves out is never built or formatted. */
export class Log {
  readonly #logger: Logger;

  constructor(server: number, level: LogLevel, logFormat: LogFormat) {
    const isJson = logFormat === 'json';
    this.#logger = createLogger({
      levels: config.npm.levels,
      level,
      format: format.combine(format.timestamp(), isJson ? json : pretty),
      // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston types its transports' constructors as instances
      transports: [new transports.Console({ stderrLevels: [] })],
      ...(isJson && { defaultMeta: { server } }),
    });
  }

  get level(): LogLevel {
    return this.#logger.level as LogLevel;
  }

  set level(level: LogLevel) {
    this.#logger.level = level;
  }

  error(message: string, fields: LogFields = {}): void {
    this.#logger.error(message, fields);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#logger.warn(message, fields);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#logger.info(message, fields);
  }

  /** A step of the protocol, at level debug. */
  readonly trace = (event: () => ProtocolEvent): void => {
    if (this.#logger.level !== 'debug') return;
    const happened = event();
    this.#logger.debug(happened.kind, eventFields(happened));
  };
}
