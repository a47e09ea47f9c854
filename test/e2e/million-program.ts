import { isDeepStrictEqual } from 'node:util';
import { Command, Option } from 'commander';
import { PROTOCOLS } from '../../src/protocols/registry';
import type { TestCluster } from './helpers/cluster';
import { leaderOf } from './helpers/leader';
import { folderMib, writeMuch } from './load/million';
import { resourcesOf } from './load/resources';
import { withCluster, type StartLoad } from './load/with-cluster';

const FOLDER_MIB = 50;
const READY_WITHIN_MS = 2000;
/** A write of a client that the servers remember: sent before all others, and again after them. */
const EARLY = { key: 'early', expect: null, value: 'once', client: 'early', sequence: 1 };

interface Options {
  readonly writes: number;
  readonly keys: number;
  readonly connections: number;
  readonly protocol: string;
}

/**
 * Many writes to few keys: what they leave behind on disk and in memory, and how fast servers are back. Exit code 1
 * when a bound is broken.
 */
export async function main(): Promise<number> {
  const options = new Command('test:million')
    .description(
      'Write much to few keys, with one server away; measure folders, memory and restarts; bring that server back.',
    )
    .option('--writes <count>', 'how many', Number, 1_000_000)
    .option('--keys <count>', 'to so many keys', Number, 100)
    .option('--connections <count>', 'to the leader', Number, 4)
    .addOption(new Option('--protocol <name>').choices(Object.keys(PROTOCOLS)).default('multi-paxos'))
    .parse()
    .opts<Options>();
  const broken: string[] = [];
  const bound = (what: string, value: number, below: number, unit: string): void => {
    say(`${what}: ${value.toFixed()} ${unit} (< ${below.toFixed()})`);
    if (value >= below) broken.push(what);
  };
  await withCluster({ arguments: ['--protocol', options.protocol] }, async (cluster, startLoad) => {
    const empty = { oneMs: await restart(cluster, [0]), allMs: await restart(cluster, cluster.ids) };
    say(
      `still empty: restart of one ${empty.oneMs.toFixed()} ms, of all five at once ${empty.allMs.toFixed()} ms`,
    );
    const first = await cluster.rpc(0, 'kv.compareAndSet', EARLY);
    const { away, writers } = await sendOneAway(cluster, options.protocol);
    await write(cluster, writers, options);
    for (const id of writers) bound(`folder of server ${id}`, folderMib(cluster, id), FOLDER_MIB, 'MiB');

    const [one = 0] = writers;
    bound(`restart of server ${one} alone`, await restart(cluster, [one]), READY_WITHIN_MS, 'ms');
    await bringBack(cluster, away, writers, startLoad);
    bound('restart of all five at once', await restart(cluster, cluster.ids), READY_WITHIN_MS, 'ms');
    const digest = await cluster.waitEqual();

    const again = await Promise.all(cluster.ids.map((id) => cluster.rpc(id, 'kv.compareAndSet', EARLY)));
    if (!again.every((result) => isDeepStrictEqual(result, first))) broken.push('exactly once');
    say(
      `the first write, sent again to all five: ${JSON.stringify(again[0])}, the first time ${JSON.stringify(first)}`,
    );
    say(`digest of all five: ${digest}`);
  });
  say(broken.length === 0 ? 'all within their bounds' : `broken: ${broken.join(', ')}`);
  return broken.length === 0 ? 0 : 1;
}

/** Stops a server that does not lead. */
async function sendOneAway(
  cluster: TestCluster,
  protocol: string,
): Promise<{ away: number; writers: number[] }> {
  const leader = protocol === 'paxos' ? 0 : await leaderOf(cluster);
  const away = cluster.ids.findLast((id) => id !== leader) ?? 0;
  await cluster.stop(away);
  // The leader first.
  const writers = cluster.ids
    .filter((id) => id !== away)
    .sort((a, b) => Number(b === leader) - Number(a === leader));
  return { away, writers };
}

async function write(cluster: TestCluster, writers: readonly number[], options: Options): Promise<void> {
  const to = writers[0] ?? 0;
  let before = { done: 0, at: performance.now() };
  printRow('writes', 'writes/s', 'own MiB of each', 'folder MiB of each');
  for await (const done of writeMuch(cluster, { ...options, to })) {
    const at = performance.now();
    const perSecond = ((done - before.done) / (at - before.at)) * 1000;
    before = { done, at };
    const memory = writers.map((id) => resourcesOf(cluster, id).anonymousMib.toFixed());
    printRow(done, perSecond.toFixed(), memory.join(' '), folders(cluster, writers));
  }
  await cluster.waitEqual(writers);
}

function folders(cluster: TestCluster, ids: readonly number[]): string {
  return ids.map((id) => folderMib(cluster, id).toFixed()).join(' ');
}

/** The time from the start of these servers until all are ready, in milliseconds. They are stopped first. */
async function restart(cluster: TestCluster, ids: readonly number[]): Promise<number> {
  await cluster.stop(...ids);
  const startedAt = performance.now();
  cluster.launch(...ids);
  await cluster.untilReady(...ids);
  return performance.now() - startedAt;
}

/** The others serve while the server that was away gets a snapshot. */
async function bringBack(
  cluster: TestCluster,
  away: number,
  others: readonly number[],
  startLoad: StartLoad,
): Promise<void> {
  const load = startLoad({ clients: 8, seed: 1, name: 'meanwhile', servers: others });
  await load.untilFurther(500);
  const usual = { medianMs: load.medianMs, slowestMs: load.slowestMs };
  const readyMs = await restart(cluster, [away]);
  await load.untilFurther(500);
  await load.stop();
  await cluster.waitEqual();
  const pieces = await snapshotPieces(cluster, away);
  if (pieces === 0) throw new Error(`server ${away} got no snapshot`);
  say(
    `server ${away}, away for all of that: ready after ${readyMs.toFixed()} ms by snapshots in ${pieces} pieces; ` +
      `its folder has ${folderMib(cluster, away).toFixed()} MiB`,
  );
  say(
    `the others meanwhile: slowest write ${load.slowestMs.toFixed()} ms, median ${load.medianMs.toFixed()} ms ` +
      `(before: ${usual.slowestMs.toFixed()} ms and ${usual.medianMs.toFixed()} ms)`,
  );
}

/** How many pieces of a state this server has got, by its own metrics. */
async function snapshotPieces(cluster: TestCluster, id: number): Promise<number> {
  const metrics = await (await fetch(cluster.url(id, '/metrics'))).text();
  const count =
    /^synod_messages_total\{type="learner\.snapshot",kind="answer",direction="received"\} (\d+)$/m;
  return Number(count.exec(metrics)?.[1] ?? 0);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printRow(...cells: (string | number)[]): void {
  say(cells.map((cell) => String(cell).padStart(20)).join(' '));
}
