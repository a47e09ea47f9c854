import { randomInt } from 'node:crypto';
import { Command, Option } from 'commander';
import { PROTOCOLS } from '../../src/protocols/registry';
import { summary } from './load/audit';
import { killRounds, type Round, type Victims } from './load/kill-rounds';
import { withCluster } from './load/with-cluster';

interface Options {
  readonly rounds: number;
  readonly victims: number;
  readonly victim?: 'leader';
  readonly protocol: string;
  readonly servers: number;
  readonly acceptorFailures: number;
  readonly seed: number;
}

/** kill -9 under load, many rounds, as a table. Exit code 1 when a write was lost or doubled, or a history is not linearizable. */
export async function main(): Promise<number> {
  const options = optionsOf(process.argv);
  const { rounds, victims, victim, protocol, servers, acceptorFailures, seed } = options;
  process.stdout.write(
    `repeat with: npm run test:kill -- --protocol ${protocol} --rounds ${rounds} ` +
      `${victim === undefined ? `--victims ${victims}` : `--victim ${victim}`} --servers ${servers} ` +
      `-f ${acceptorFailures} --seed ${seed}\n\n`,
  );
  let last: Round | undefined;
  let longestStallMs = 0;
  await withCluster(
    { servers, acceptorFailure: acceptorFailures, arguments: ['--protocol', protocol] },
    async (cluster, startLoad, startJudged) => {
      printRow(
        ...['round', 'killed', 'stall ms', 'acknowledged', 'failed', 'repeated', 'lost', 'doubled', 'judged'],
        ...['local reads', 'seconds', 'digest of all'],
      );
      const plan = { victims: Array<Victims>(rounds).fill(victim ?? victims), seed };
      for await (const round of killRounds(cluster, startLoad, startJudged, plan)) {
        last = round;
        longestStallMs = Math.max(longestStallMs, round.stallMs);
        printRound(round);
        if (!isSound(round)) break;
      }
    },
  );
  if (last === undefined) return 2;
  process.stdout.write(
    `\nlongest client stall ${longestStallMs.toFixed()} ms; every history is linearizable; ${summary(last.verdict)}\n`,
  );
  return isSound(last) ? 0 : 1;
}

function optionsOf(argv: string[]): Options {
  const command = new Command('test:kill')
    .description('Kill servers with -9 in the middle of a write load, restart them, audit every write.')
    .addOption(new Option('--protocol <name>').choices(Object.keys(PROTOCOLS)).default('paxos'))
    .option('--rounds <count>', 'how many', Number, 20)
    .addOption(
      new Option('--victims <count>', 'servers killed in each round, drawn by chance')
        .argParser(Number)
        .default(2),
    )
    .addOption(new Option('--victim <who>', 'kill the one that leads instead').choices(['leader']))
    .option('--servers <count>', 'size of the cluster', Number, 5)
    .option('-f, --acceptor-failures <p>', 'share of acceptor calls left unanswered', Number, 0)
    .option(
      '--seed <number>',
      'repeats victims, writes and pauses of an earlier run',
      Number,
      randomInt(2 ** 32),
    )
    .parse(argv);
  const options = command.opts<Options>();
  if (options.victim === 'leader' && options.protocol === 'paxos')
    command.error('error: paxos has no leader to kill: add --protocol multi-paxos');
  return options;
}

function isSound({ verdict: { lost, doubled, broken } }: Round): boolean {
  return lost.length + doubled.length + broken.length === 0;
}

function printRound({ number, victims, stallMs, load, verdict, judged, durationMs }: Round): void {
  printRow(
    ...[number, victims.join(' '), stallMs.toFixed(), load.acknowledged, load.failed, load.repeated],
    ...[verdict.lost.length, verdict.doubled.length, judged.strict, judged.local],
    ...[(durationMs / 1000).toFixed(1), verdict.digest],
  );
}

function printRow(...cells: (string | number)[]): void {
  process.stdout.write(`${cells.map((cell) => String(cell).padStart(12)).join(' ')}\n`);
}
