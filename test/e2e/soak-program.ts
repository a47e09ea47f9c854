import { Command } from 'commander';
import type { TestCluster } from './helpers/cluster';
import { growth, soak, type Tenth } from './load/soak';
import { withCluster } from './load/with-cluster';

const GROWTH_MIB = 80;
const DESCRIPTORS = 20;
const AWAY = 4;

/**
 * Many writes on five servers: memory and descriptors tenth by tenth. One server is away for more writes than the
 * others keep, and catches up by a snapshot. Exit code 1 when a bound is broken.
 */
export async function main(): Promise<number> {
  const { operations } = new Command('test:soak')
    .description('Write much, and watch memory and descriptors of five servers.')
    .option('--operations <count>', 'how many puts', Number, 100_000)
    .parse()
    .opts<{ operations: number }>();
  let exitCode = 1;
  await withCluster({ arguments: ['--operation-timeout', '30s'] }, async (cluster) => {
    printRow('puts', 'puts/s', 'MiB of each', 'descriptors of each');
    const tenths: Tenth[] = [];
    for await (const tenth of soak(cluster, operations, 'soak')) {
      tenths.push(tenth);
      printTenth(tenth);
    }
    await cluster.waitEqual();
    const [middle, end] = [tenths[4], tenths[9]];
    if (middle === undefined || end === undefined) return;
    const grown = growth(middle, end);
    const isBounded = grown.anonymousMib < GROWTH_MIB && grown.descriptors < DESCRIPTORS;
    process.stdout.write(
      `\ngrowth in the second half: ${grown.anonymousMib.toFixed()} MiB (< ${GROWTH_MIB}), ` +
        `${grown.descriptors} descriptors (< ${DESCRIPTORS})\n`,
    );
    await returnFromAfar(cluster);
    exitCode = isBounded ? 0 : 1;
  });
  return exitCode;
}

async function returnFromAfar(cluster: TestCluster): Promise<void> {
  const { applied } = await cluster.status(AWAY);
  await cluster.stop(AWAY);
  const others = cluster.ids.filter((id) => id !== AWAY);
  for await (const tenth of soak(cluster, 11_000, 'away', others)) printTenth(tenth);
  const { floor } = await cluster.status(0);
  if (floor <= applied) throw new Error(`server 0 still keeps slot ${floor}: no snapshot is needed`);
  const startedAt = performance.now();
  await cluster.restart(AWAY);
  const digest = await cluster.waitEqual();
  process.stdout.write(
    `server ${AWAY} was away from slot ${applied} on, the others keep slots from ${floor} on; ` +
      `back with all the rest after ${((performance.now() - startedAt) / 1000).toFixed(1)} s, digest ${digest}\n`,
  );
}

function printTenth({ operations, operationsPerSecond, resources }: Tenth): void {
  printRow(
    operations,
    operationsPerSecond.toFixed(),
    resources.map(({ anonymousMib }) => anonymousMib.toFixed()).join(' '),
    resources.map(({ descriptors }) => descriptors).join(' '),
  );
}

function printRow(...cells: (string | number)[]): void {
  process.stdout.write(`${cells.map((cell) => String(cell).padStart(20)).join(' ')}\n`);
}
