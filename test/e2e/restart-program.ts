import { randomInt } from 'node:crypto';
import { Command, Option } from 'commander';
import { PROTOCOLS } from '../../src/protocols/registry';
import { assertJudged } from './load/judge';
import { rollingRestart, type Restarted } from './load/rolling-restart';
import { withCluster } from './load/with-cluster';

/** Of a client, in milliseconds: an election's longest timeout, and what a busy machine adds. */
const LONGEST_STALL_MS = 1200 + 500;
const CLIENTS = 8;

/**
 * Rolling restarts under load, as a table. Exit code 1 when an operation of a client failed, a client stalled for
 * longer than an election takes, or the history is not as promised.
 */
export async function main(): Promise<number> {
  const command = new Command('test:restart')
    .description('Restart every server in turn, cleanly, in the middle of a load; judge the history.')
    .addOption(new Option('--protocol <name>').choices(Object.keys(PROTOCOLS)).default('multi-paxos'))
    .option('--rounds <count>', 'how often each server is restarted', Number, 2)
    .option('--servers <count>', 'size of the cluster', Number, 5)
    .option('--seed <number>', 'repeats the requests of an earlier run', Number, randomInt(2 ** 32));
  const { protocol, rounds, servers, seed } = command.parse().opts<{
    protocol: string;
    rounds: number;
    servers: number;
    seed: number;
  }>();
  let longestStallMs = 0;
  await withCluster(
    { servers, arguments: ['--protocol', protocol] },
    async (cluster, _startLoad, startJudged) => {
      printRow('server', 'led', 'next leader', 'ready ms', 'stall ms');
      const load = startJudged({ clients: CLIENTS, seed, name: 'rolling' });
      for (let round = 1; round <= rounds; round++)
        for await (const restarted of rollingRestart(cluster, load)) {
          longestStallMs = Math.max(longestStallMs, restarted.stallMs);
          printRestarted(restarted);
        }
      await load.stop();
      const { strict } = assertJudged('rolling-restart', load.events, load.ended.length / 2);
      const digest = await cluster.waitEqual();
      process.stdout.write(
        `\n${rounds * servers} restarts: ${load.ended.length} operations, errors 0, ${strict} answers judged, ` +
          `digest ${digest}\nlongest client stall ${longestStallMs.toFixed()} ms (< ${LONGEST_STALL_MS})\n`,
      );
    },
  );
  return longestStallMs < LONGEST_STALL_MS ? 0 : 1;
}

function printRestarted({ id, wasLeader, nextLeader, readyMs, stallMs }: Restarted): void {
  printRow(id, wasLeader ? 'yes' : 'no', nextLeader ?? '-', readyMs.toFixed(), stallMs.toFixed());
}

function printRow(...cells: (string | number)[]): void {
  process.stdout.write(`${cells.map((cell) => String(cell).padStart(12)).join(' ')}\n`);
}
