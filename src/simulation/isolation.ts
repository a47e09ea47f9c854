import crypto from 'node:crypto';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';

/** What a run must not touch: it would make two runs of one seed differ. */
const BANNED: readonly (readonly [object, readonly string[]])[] = [
  [globalThis, ['setTimeout', 'setInterval', 'setImmediate']],
  [timers, ['setTimeout', 'setInterval', 'setImmediate']],
  [timersPromises, ['setTimeout', 'setInterval', 'setImmediate']],
  [Date, ['now']],
  [Math, ['random']],
  [performance, ['now']],
  [process.hrtime, ['bigint']],
  [process, ['hrtime', 'uptime']],
  [globalThis.crypto, ['randomUUID', 'getRandomValues']],
  [crypto, ['randomUUID', 'randomBytes', 'randomInt']],
];

/** Whether the event loop is elsewhere at this moment. */
let isBetweenRounds = false;

/**
 * Called around what the event loop does between two rounds of a run's events. Then Node may call back something else in
 * this process, a socket that ends for one, and what that asks of the world is nobody's concern here.
 */
export function betweenRounds(isBetween: boolean): void {
  isBetweenRounds = isBetween;
}

/** Stands for `original`, and throws in its place when the run calls it. */
function banned(name: string, original: unknown): () => unknown {
  function refuse(this: unknown, ...parts: unknown[]): unknown {
    if (!isBetweenRounds) throw new Error(`${name} was called in a simulation: it would not repeat`);
    return Reflect.apply(original as (...parts: unknown[]) => unknown, this, parts);
  }
  // Some have further functions as properties: `process.hrtime.bigint`.
  return Object.assign(refuse, original);
}

/** Replaces a property; gives the way back. */
function replace(object: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { configurable: true, writable: true, value });
  return () => {
    if (own === undefined) Reflect.deleteProperty(object, name);
    else Object.defineProperty(object, name, own);
  };
}

/** A date of something is the same in every run, the date of now is not. */
const NO_NOW: ProxyHandler<DateConstructor> = {
  construct: (date, parts: unknown[]) =>
    (parts.length === 0 ? banned('new Date', () => new date())() : Reflect.construct(date, parts)) as Date,
  apply: (date) => banned('Date', date)() as string,
};

function ban(): () => void {
  const undo = BANNED.flatMap(([object, names]) =>
    names.map((name) => replace(object, name, banned(name, Reflect.get(object, name)))),
  );
  undo.push(replace(globalThis, 'Date', new Proxy(Date, NO_NOW)));
  return () => {
    for (const restore of undo) restore();
  };
}

let isRunning = false;

/**
 * Runs a simulation with the world outside closed off: whoever asks for real time or true chance gets an error.
 * Rejections that nobody handles belong to the run, and `onUnhandled` hears of them. One run at a time.
 */
export async function isolated<Run, Result>(
  create: () => Run,
  carryOut: (run: Run) => Promise<Result>,
  onUnhandled: (run: Run, error: unknown) => void,
): Promise<Result> {
  if (isRunning) throw new Error('a simulation is running in this process already');
  isRunning = true;
  betweenRounds(false);
  const allow = ban();
  // Thousands of errors stand for lost answers; the traces of their stacks would take a good part of the time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  try {
    const run = create();
    process.on('unhandledRejection', (error) => {
      onUnhandled(run, error);
    });
    return await carryOut(run);
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const other of others) process.on('unhandledRejection', other);
    Error.stackTraceLimit = stackTraceLimit;
    allow();
    isRunning = false;
  }
}
