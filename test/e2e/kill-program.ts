import { randomInt } from 'node:crypto';
import { Command } from 'commander';
import { summary } from './load/audit';
import { killRounds, type Round } from './load/kill-rounds';
import { withCluster } from './load/with-cluster';

/** kill -9 under load, many rounds, as a table. Exit code 1 when a write was lost or doubled, or a history is not linearizable. */
export async function main(): Promise<number> {
  const command = new Command('test:kill')
    .description('Kill servers with -9 in the middle of a write load, restart them, audit every write.')
    .option('--rounds <count>', 'how many', Number, 20)
    .option('--victims <count>', 'servers killed in each round', Number, 2)
    .option('--servers <count>', 'size of the cluster', Number, 5)
    .option('-f, --acceptor-failures <p>', 'share of acceptor calls left unanswered', Number, 0)
    .option(
      '--seed <number>',
      'repeats victims, writes and pauses of an earlier run',
      Number,
      randomInt(2 ** 32),
    );
  const { rounds, victims, servers, acceptorFailures, seed } = command.parse().opts<{
    rounds: number;
    victims: number;
    servers: number;
    acceptorFailures: number;
    seed: number;
  }>();
  process.stdout.write(
    `repeat with: npm run test:kill -- --rounds ${rounds} --victims ${victims} --servers ${servers} ` +
      `-f ${acceptorFailures} --seed ${seed}\n\n`,
  );
  let last: Round | undefined;
  await withCluster(
    { servers, acceptorFailure: acceptorFailures },
    async (cluster, startLoad, startJudged) => {
      printRow(
        'round',
        'killed',
        'acknowledged',
        'failed',
        'repeated',
        'lost',
        'doubled',
        'judged',
        'local reads',
        'seconds',
        'digest of all',
      );
      for await (const round of killRounds(cluster, startLoad, startJudged, {
        victims: Array<number>(rounds).fill(victims),
        seed,
      })) {
        last = round;
        printRound(round);
        if (!isSound(round)) break;
      }
    },
  );
  if (last === undefined) return 2;
  process.stdout.write(`\n${summary(last.verdict)}\n`);
  return isSound(last) ? 0 : 1;
}

function isSound({ verdict: { lost, doubled, broken } }: Round): boolean {
  return lost.length + doubled.length + broken.length === 0;
}

function printRound({ number, victims, load, verdict, judged, durationMs }: Round): void {
  printRow(
    ...[number, victims.join(' '), load.acknowledged, load.failed, load.repeated],
    ...[verdict.lost.length, verdict.doubled.length, judged.strict, judged.local],
    ...[(durationMs / 1000).toFixed(1), verdict.digest],
  );
}

function printRow(...cells: (string | number)[]): void {
  process.stdout.write(`${cells.map((cell) => String(cell).padStart(12)).join(' ')}\n`);
}
