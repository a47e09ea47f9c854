import { createInterface } from 'node:readline';
import { EXIT, graver } from './exit-codes';
import type { ExitCode } from './exit-codes';
import type { Streams } from './output';
import type { Session } from './session';

/** Carries out the lines of standard input, in order. Resolves with the gravest exit code of them. */
export async function runBatch(
  session: Session,
  streams: Streams,
  failFast: boolean,
  signal: AbortSignal,
): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  let lineNumber = 0;
  const lines = createInterface({ input: streams.stdin, crlfDelay: Infinity });
  const stop = (): void => {
    lines.close();
  };
  signal.addEventListener('abort', stop);
  for await (const line of lines) {
    lineNumber++;
    if (line.trimStart().startsWith('#')) continue;
    const lineExitCode = await session.execute(line, signal, lineNumber);
    exitCode = graver(exitCode, lineExitCode);
    if (session.ended || signal.aborted || (failFast && lineExitCode !== EXIT.ok)) break;
  }
  signal.removeEventListener('abort', stop);
  return signal.aborted ? graver(exitCode, EXIT.cancelled) : exitCode;
}
