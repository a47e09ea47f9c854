/** What a run must not touch: it would make two runs of one seed differ. */
const BANNED: readonly (readonly [object, string])[] = [
  [globalThis, 'setTimeout'],
  [globalThis, 'setInterval'],
  [globalThis, 'setImmediate'],
  [Date, 'now'],
  [Math, 'random'],
  [performance, 'now'],
  [globalThis.crypto, 'randomUUID'],
  [globalThis.crypto, 'getRandomValues'],
];

function ban(): () => void {
  const undo = BANNED.map(([object, name]) => {
    const own = Object.getOwnPropertyDescriptor(object, name);
    Object.defineProperty(object, name, {
      configurable: true,
      value: () => {
        throw new Error(`${name} was called in a simulation: it would not repeat`);
      },
    });
    return () => {
      if (own === undefined) Reflect.deleteProperty(object, name);
      else Object.defineProperty(object, name, own);
    };
  });
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
