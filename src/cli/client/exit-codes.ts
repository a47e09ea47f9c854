import type { ClientError } from '../../client/errors';
import { CLIENT_ERRORS, InvalidArgument, NoServer, OutcomeUnknown } from '../../client/errors';

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  negative: 3,
  noServer: 4,
  unknown: 7,
  cancelled: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODES_HELP = `Exit codes:
  0    all went well
  1    failed, and surely had no effect
  2    wrong usage: nothing was sent
  3    the key was not found, or its value was not the expected one
  4    no server reachable, and surely no effect
  7    outcome unknown: a write was sent but no answer came; it may take effect or not
  130  cancelled by Ctrl-C, and surely had no effect
A batch ends with the gravest code of its lines, in the order 7, 4, 130, 1, 2, 3, 0.
bench ends with that of its operations: 7 if any outcome is unknown, 130 if Ctrl-C ended it early, 1 if any failed.`;

const GRAVEST_LAST: readonly ExitCode[] = [
  EXIT.ok,
  EXIT.negative,
  EXIT.usage,
  EXIT.failed,
  EXIT.cancelled,
  EXIT.noServer,
  EXIT.unknown,
];

export function graver(a: ExitCode, b: ExitCode): ExitCode {
  return GRAVEST_LAST.indexOf(a) >= GRAVEST_LAST.indexOf(b) ? a : b;
}

export function exitCodeOf(error: ClientError): ExitCode {
  if (error instanceof OutcomeUnknown) return EXIT.unknown;
  if (error instanceof NoServer) return EXIT.noServer;
  if (error instanceof InvalidArgument) return EXIT.usage;
  return error.code === CLIENT_ERRORS.cancelled.code ? EXIT.cancelled : EXIT.failed;
}
