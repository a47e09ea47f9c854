import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { Command } from 'commander';
import { OPERATION_TIMEOUT_MS, SERVERS, partitionRounds, type PartitionRound } from './load/partition-rounds';
import { IN_OWN_NETWORK, SwitchedNetwork, whyNotSwitched } from './load/switched-network';
import { withCluster } from './load/with-cluster';

const INSIDE = 'SYNOD_TEST_IN_OWN_NETWORK';

/**
 * Partitions of a real network under load, as a table. Exit code 1 when something is not as it must be, 2 when this
 * machine cannot cut a network.
 */
export async function main(): Promise<number> {
  const command = new Command('test:partition')
    .description('Cut the network between five servers in the middle of a load, heal it, judge the history.')
    .option('--rounds <count>', 'how many; symmetric, one-way and bridge partitions take turns', Number, 9)
    .option('--seed <number>', 'repeats sides and requests of an earlier run', Number, randomInt(2 ** 32));
  const { rounds, seed } = command.parse().opts<{ rounds: number; seed: number }>();
  if (process.env[INSIDE] === undefined)
    return await again(['--rounds', String(rounds), '--seed', String(seed)]);
  process.stdout.write(`repeat with: npm run test:partition -- --rounds ${rounds} --seed ${seed}\n\n`);
  const network = new SwitchedNetwork(SERVERS);
  const options = {
    servers: SERVERS,
    host: (id: number) => network.address(id),
    wrap: (line: readonly string[], id: number) => network.on(id, line),
    arguments: ['--insecure', '--operation-timeout', `${OPERATION_TIMEOUT_MS}ms`],
  };
  let done = 0;
  await withCluster(options, async (cluster, _startLoad, startJudged) => {
    printRow(
      ...['round', 'partition', 'sides', 'dropped', 'acknowledged', 'refused', 'judged', 'local reads'],
      ...['seconds', 'digest of all'],
    );
    for await (const round of partitionRounds(cluster, network, startJudged, { rounds, seed })) {
      printRound(round);
      done++;
    }
  });
  process.stdout.write(`\n${done} of ${rounds} partitions: every history is as promised\n`);
  return 0;
}

/** Runs this program as root of a network of its own. */
async function again(options: readonly string[]): Promise<number> {
  const reason = whyNotSwitched();
  if (reason !== undefined) {
    process.stderr.write(`error: a network cannot be cut here: ${reason}\n`);
    return 2;
  }
  const [program, ...rest] = IN_OWN_NETWORK;
  const runner = [
    process.execPath,
    ...process.execArgv,
    require.main?.filename ?? '',
    'partition-program.ts',
  ];
  const child = spawn(program, [...rest, ...runner, ...options], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

function printRound(round: PartitionRound): void {
  const { number, cut, sides, bridge, dropped, acknowledged, refused, judged, durationMs, digest } = round;
  const between = cut === 'one-way' ? '->' : bridge === undefined ? '|' : `|${bridge}|`;
  printRow(
    ...[number, cut, sides.map((ids) => ids.join('')).join(between), dropped, acknowledged, refused],
    ...[judged.strict, judged.local, (durationMs / 1000).toFixed(1), digest],
  );
}

function printRow(...cells: (string | number)[]): void {
  process.stdout.write(`${cells.map((cell) => String(cell).padStart(12)).join(' ')}\n`);
}
