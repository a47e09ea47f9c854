import { setTimeout as sleep } from 'node:timers/promises';
import { createColors } from 'picocolors';
import type { Status, SynodClient } from '../client/client';
import { connect } from '../client/connect';
import { ClientError } from '../client/errors';
import { formatAddress } from '../network/address';
import { runDemo, summary, type DemoStep } from './client/demo';
import { milliseconds } from './client/output';
import { program, run } from './options';
import { wantsColour, type Reporter } from './supervisor/reporter';
import type { Supervisor } from './supervisor/supervisor';
import { temporaryCluster } from './supervisor/temporary-cluster';

const SERVERS = 5;
const READY_WITHIN_MS = 60_000;
const EQUAL_WITHIN_MS = 20_000;
const SIGN_OF_LIFE_MS = 3000;
const POLL_MS = 50;

const ACCEPTOR_FAILURES = 0.25;

/** The demo cannot go on; the message says why. */
class DemoFailed extends Error {
  override readonly name = 'DemoFailed';
}

const colours = createColors(wantsColour(process.stdout));
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Five servers, fifteen operations, five equal stores. Exit code 0, or 1 when anything was wrong. */
export async function main(argv: readonly string[]): Promise<number> {
  const command = program('demo', 'Five servers, a few operations, and the five stores compared.', [
    ['demo', 'takes a few seconds, leaves nothing behind'],
  ]);
  return await run(command, argv, demo);
}

async function demo(): Promise<number> {
  const begin = performance.now();
  const interruption = new AbortController();
  const printed: string[] = [];
  const { members, supervisor, remove } = await temporaryCluster(
    SERVERS,
    { acceptorFailures: ACCEPTOR_FAILURES },
    collector(printed),
  );
  const servers = members.map(formatAddress);
  let exitCode = 0;
  try {
    interruptOnSignals(interruption, supervisor);
    say(colours.bold('Synod: five servers, one store'));
    say(`Each leaves ${ACCEPTOR_FAILURES * 100} % of the calls on its acceptor unanswered.\n`);
    await startAll(supervisor, servers, interruption.signal);
    await withClient(servers, (client) => exercise(client, interruption.signal));
  } catch (error) {
    if (interruption.signal.aborted) exitCode = 130;
    else if (error instanceof DemoFailed || error instanceof ClientError) {
      exitCode = 1;
      process.stderr.write(`${printed.slice(-20).join('')}${colours.red(`error: ${error.message}`)}\n`);
    } else throw error;
  } finally {
    await remove();
  }
  say(`Stopped the servers and removed their data; ${seconds(begin)} in all.`);
  return exitCode;
}

/** Keeps what the servers print, for the case that something goes wrong; what the supervisor says is shown. */
function collector(printed: string[]): Reporter {
  return {
    line: (id, _stream, text) => {
      printed.push(`server ${id} | ${text}\n`);
    },
    notice: (level, text) => {
      process[level === 'error' ? 'stderr' : 'stdout'].write(`${text}\n`);
    },
  };
}

function interruptOnSignals(interruption: AbortController, supervisor: Supervisor): void {
  const interrupt = (): void => {
    if (interruption.signal.aborted) supervisor.kill();
    interruption.abort();
    supervisor.stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', interrupt);
}

async function startAll(
  supervisor: Supervisor,
  servers: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const begin = performance.now();
  say(`Starting servers ${servers[0] ?? ''} to ${servers.at(-1) ?? ''} ...`);
  supervisor.start();
  let isReady = false;
  let hasEnded = false;
  void supervisor.ready.then(() => (isReady = true));
  void supervisor.ended.then(() => (hasEnded = true));
  const done = await poll(signal, READY_WITHIN_MS, () => {
    if (hasEnded) throw new DemoFailed('the servers did not start');
    return { done: isReady, waitingFor: `server ${supervisor.notReady.join(', ')}` };
  });
  if (!done) throw new DemoFailed(`the servers are not ready after ${READY_WITHIN_MS / 1000} s`);
  say(`Ready after ${seconds(begin)}.`);
}

async function withClient(
  servers: readonly string[],
  work: (client: SynodClient) => Promise<void>,
): Promise<void> {
  const client = connect({ servers, deadlineMs: 20_000 });
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

async function exercise(client: SynodClient, signal: AbortSignal): Promise<void> {
  const { entries } = await client.status(client.server, { signal });
  say(`prepopulate.json gave every store ${entries} entries to begin with.\n`);
  const allAsExpected = await runDemo(
    client,
    (step) => {
      say(line(step));
    },
    { signal },
  );
  say(allAsExpected ? `${summary(true)}.\n` : '');
  const { statuses, isEqual } = await untilEqual(client, signal);
  for (const row of table(statuses)) say(row);
  const unanswered = statuses.reduce((sum, status) => sum + status.unansweredAcceptorCalls, 0);
  if (!isEqual) throw new DemoFailed(`the stores are not equal after ${EQUAL_WITHIN_MS / 1000} s`);
  if (!allAsExpected) throw new DemoFailed(summary(false));
  say(colours.green(`All five stores are equal, although ${unanswered} calls on acceptors went unanswered.`));
}

/** One line, or two where the terminal is narrow. */
function line({ operation, key, value, asExpected, outcome, durationMs }: DemoStep): string {
  const mark = asExpected ? colours.green('ok ') : colours.red('BAD');
  const entry = value === undefined || operation === 'get' ? key : `${key} = ${JSON.stringify(value)}`;
  const result = operation === 'get' && value !== undefined ? JSON.stringify(value) : outcome;
  const left = `${operation.toUpperCase().padEnd(6)} ${entry}`;
  const right = `${result}  ${colours.dim(milliseconds(durationMs))}`;
  const columns = process.stdout.columns || Infinity;
  return columns < 79 ? `${mark} ${left}\n      ${right}` : `${mark} ${left.padEnd(46)}  ${right}`;
}

async function untilEqual(
  client: SynodClient,
  signal: AbortSignal,
): Promise<{ statuses: readonly Status[]; isEqual: boolean }> {
  let statuses: readonly Status[] = [];
  const isEqual = await poll(signal, EQUAL_WITHIN_MS, async () => {
    statuses = await Promise.all(client.servers.map((server) => client.status(server, { signal })));
    const [first] = statuses;
    const done = statuses.every((each) => each.digest === first?.digest && each.applied === first.applied);
    return { done, waitingFor: 'equal stores' };
  });
  return { statuses, isEqual };
}

function table(statuses: readonly Status[]): string[] {
  const head = ['server', 'applied slot', 'entries', 'digest'];
  const rows = statuses.map((each) => [each.id, each.applied, each.entries, each.digest].map(String));
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const format = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [colours.bold(format(head)), ...rows.map(format)];
}

interface Progress {
  readonly done: boolean;
  readonly waitingFor: string;
}

/** Looks until it is done or too late, with a line now and then; rejects when interrupted. */
async function poll(
  signal: AbortSignal,
  deadlineMs: number,
  look: () => Progress | Promise<Progress>,
): Promise<boolean> {
  const begin = performance.now();
  let saidAt = begin;
  for (;;) {
    signal.throwIfAborted();
    const { done, waitingFor } = await look();
    if (done) return true;
    const now = performance.now();
    if (now - begin > deadlineMs) return false;
    if (now - saidAt > SIGN_OF_LIFE_MS) {
      say(`waiting for ${waitingFor} (${seconds(begin)})`);
      saidAt = now;
    }
    await sleep(POLL_MS);
  }
}

function seconds(begin: number): string {
  return `${((performance.now() - begin) / 1000).toFixed(1)} s`;
}
