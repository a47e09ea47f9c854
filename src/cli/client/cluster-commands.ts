import { ClientError } from '../../client/errors';
import type { CallOptions, LogLevel, Status, SynodClient } from '../../client/client';
import { EXIT, exitCodeOf, graver } from './exit-codes';
import type { ExitCode } from './exit-codes';
import type { Colors, Report } from './output';

/** A server that does not say how it is within this time is shown as unreachable. */
const STATUS_TIMEOUT_MS = 2000;

type Asked<Answer> =
  | { readonly address: string; readonly answer: Answer }
  | { readonly address: string; readonly error: ClientError };

function patience(call: CallOptions): CallOptions {
  return { ...call, deadlineMs: Math.min(call.deadlineMs ?? STATUS_TIMEOUT_MS, STATUS_TIMEOUT_MS) };
}

function askEach<Answer>(
  servers: readonly string[],
  ask: (server: string) => Promise<Answer>,
): Promise<Asked<Answer>[]> {
  return Promise.all(
    servers.map((address) =>
      ask(address).then(
        (answer) => ({ address, answer }),
        (error: unknown) => {
          if (error instanceof ClientError) return { address, error };
          throw error;
        },
      ),
    ),
  );
}

/** A server that was asked how it is. Its id is unknown while no other server names it. */
type Member = Asked<Status> & { readonly id: number | undefined };

/**
 * Asks every server that the client knows, and every member that these name; in the order of their ids. A known address
 * where nobody answers and that is no member's (a cluster smaller than the port range) is left out.
 */
async function askAll(client: SynodClient, call: CallOptions): Promise<Member[]> {
  const ask = (server: string): Promise<Status> => client.status(server, patience(call));
  const known = await askEach(client.servers, ask);
  const statuses = known.flatMap((asked) => ('answer' in asked ? [asked.answer] : []));
  const ids = new Map(statuses.flatMap(({ members }) => members.map(({ id, address }) => [address, id])));
  const answered = new Set(statuses.map(({ id }) => id));
  const kept = known.filter((asked) => 'answer' in asked || ids.size === 0 || ids.has(asked.address));
  const unasked = [...ids].filter(([address, id]) => !answered.has(id) && !client.servers.includes(address));
  const others = await askEach(
    unasked.map(([address]) => address),
    ask,
  );
  return [...kept, ...others]
    .map((asked) => ({ ...asked, id: 'answer' in asked ? asked.answer.id : ids.get(asked.address) }))
    .sort((a, b) => (a.id ?? Infinity) - (b.id ?? Infinity) || 0);
}

/** Columns of equal width; the last cell of a row may stretch over the columns that the row leaves out. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, { length }] of row.slice(0, -1).entries())
      widths[column] = Math.max(widths[column] ?? 0, length);
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** What went wrong at the one server that was asked. */
function reason({ cause, message }: ClientError): string {
  return cause instanceof Error ? cause.message : message;
}

function percent(probability: number): string {
  return `${Math.round(probability * 1000) / 10} %`;
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function statusRow(asked: Member): string[] {
  const id = asked.id === undefined ? '-' : String(asked.id);
  if ('error' in asked) return [id, asked.address, `unreachable: ${reason(asked.error)}`];
  const { address, answer: status } = asked;
  return [
    id,
    address,
    `${status.ready ? 'ready' : 'not ready'}${status.leader === status.id ? ', leads' : ''}`,
    String(status.applied),
    String(status.highestChosen),
    String(status.entries),
    status.digest.slice(0, 8),
    percent(status.acceptorFailure),
    duration(status.uptimeMs),
  ];
}

function verdictOnStores(statuses: readonly Status[], colors: Colors): string {
  const applied = new Set(statuses.map((status) => status.applied));
  if (applied.size > 1) return colors.yellow('some servers are behind');
  return new Set(statuses.map((status) => status.digest)).size === 1
    ? colors.green('all stores equal')
    : colors.red('STORES DIFFER at the same applied slot');
}

function leaseLines(lease: Status['lease']): string[] {
  if (lease === null) return [];
  const { durationMs, maxClockDrift } = lease;
  return [
    `lease of the leader ${durationMs} ms: reads rest on clocks that drift by ${100 * maxClockDrift} % at most`,
  ];
}

/** What each phase needs, and which failures that survives, whichever servers they hit. */
function quorumsLine({ system, thrifty, phase1, phase2, survives }: Status['quorums']): string {
  const down = (servers: number): string => `${servers} may be down`;
  const needs =
    phase1 === phase2
      ? `each phase needs ${phase1} (${down(survives.phase1)})`
      : `phase 1 needs ${phase1} (${down(survives.phase1)}), phase 2 ${phase2} (${down(survives.phase2)})`;
  const disks = survives.disks === 1 ? '1 disk' : `${survives.disks} disks`;
  return `quorums ${system}${thrifty ? ', thrifty' : ''}: ${needs}; writes survive the loss of ${disks}`;
}

/** One row for each server, as it sees itself. */
export async function status(client: SynodClient, call: CallOptions, colors: Colors): Promise<Report> {
  const all = await askAll(client, call);
  const statuses = all.flatMap((asked) => ('answer' in asked ? [asked.answer] : []));
  const heading = ['id', 'address', 'state', 'applied', 'chosen', 'keys', 'digest', 'failure', 'up'];
  const lines = table([heading, ...all.map(statusRow)]);
  const [first] = statuses;
  const about = first && `${first.protocol}, ${first.storage}, version ${first.version}; `;
  const reachable = `${statuses.length} of ${all.length} servers answer`;
  const footer = first ? `${about}${reachable}, ${verdictOnStores(statuses, colors)}` : colors.red(reachable);
  const servers = all.map((asked) =>
    'answer' in asked
      ? { address: asked.address, reachable: true, status: asked.answer }
      : { address: asked.address, reachable: false, error: errorFacts(asked.error) },
  );
  return {
    result: { servers },
    lines: [...lines, footer, ...(first ? [quorumsLine(first.quorums), ...leaseLines(first.lease)] : [])],
    exitCode: statuses.length > 0 ? EXIT.ok : EXIT.noServer,
  };
}

function errorFacts({ code, kind, message, definite }: ClientError): object {
  return { code, name: kind, message, definite };
}

/** Does something at the named server, or at every server; a line for each. */
async function everywhere<Answer extends object>(
  client: SynodClient,
  call: CallOptions,
  only: string | undefined,
  ask: (server: string, call: CallOptions) => Promise<Answer>,
  show: (answer: Answer) => string,
): Promise<Report> {
  const targets = only === undefined ? (await askAll(client, call)).map(({ address }) => address) : [only];
  const all = await askEach(targets, (server) => ask(server, patience(call)));
  let exitCode: ExitCode = EXIT.ok;
  for (const asked of all) if ('error' in asked) exitCode = graver(exitCode, exitCodeOf(asked.error));
  const someAnswered = all.some((asked) => 'answer' in asked);
  if (exitCode === EXIT.noServer && someAnswered) exitCode = EXIT.failed;
  return {
    result: {
      servers: all.map((asked) =>
        'answer' in asked
          ? { address: asked.address, ...asked.answer }
          : { address: asked.address, error: errorFacts(asked.error) },
      ),
    },
    lines: table(
      all.map((asked) => [asked.address, 'answer' in asked ? show(asked.answer) : reason(asked.error)]),
    ),
    exitCode,
  };
}

export function faults(
  client: SynodClient,
  call: CallOptions,
  only: string | undefined,
  acceptorFailure: number | undefined,
): Promise<Report> {
  return everywhere(
    client,
    call,
    only,
    (server, options) =>
      acceptorFailure === undefined
        ? client.faults(server, options)
        : client.setFaults({ acceptorFailure }, server, options),
    (answer) => `acceptor failure ${percent(answer.acceptorFailure)}`,
  );
}

export function logLevel(
  client: SynodClient,
  call: CallOptions,
  only: string | undefined,
  level: LogLevel | undefined,
): Promise<Report> {
  return everywhere(
    client,
    call,
    only,
    async (server, options) => ({
      level: await (level === undefined
        ? client.logLevel(server, options)
        : client.setLogLevel(level, server, options)),
    }),
    (answer) => `log level ${answer.level}`,
  );
}
