import { Command, InvalidArgumentError } from 'commander';
import { ATTACKS } from './hostile/attacks';
import { ATTACKED, TABLE_HEAD, rowOf, runRound } from './hostile/round';
import { seedOf } from './load/seed';
import { withCluster } from './load/with-cluster';

function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('a whole number from 1 is needed.');
  return Number(text);
}

/**
 * Attacks on the open port of one server of three, one after the other, and a row for each. Exit code 1 when the server
 * ended, kept memory or descriptors, or left a client that behaves without an answer.
 */
export async function main(): Promise<number> {
  const { protocol, servers, only } = new Command('test:hostile')
    .description('Attack a server, and watch its memory, its descriptors and a client that behaves.')
    .option('--protocol <name>', 'paxos or multi-paxos', 'multi-paxos')
    .option('--servers <count>', 'how many servers', positive, 3)
    .option('--only <text>', 'attacks whose name holds this text', '')
    .parse()
    .opts<{ protocol: string; servers: number; only: string }>();
  const seed = seedOf('npm run test:hostile');
  const complaints: string[] = [];
  process.stdout.write(`${TABLE_HEAD}\n`);
  for (const attack of ATTACKS.filter(({ name }) => name.includes(only)))
    await withCluster({ servers, arguments: ['--protocol', protocol], env: ATTACKED }, async (cluster) => {
      const round = await runRound(cluster, 0, attack, seed, true);
      process.stdout.write(`${rowOf(round)}\n`);
      complaints.push(...round.complaints.map((complaint) => `${attack.name}: ${complaint}`));
    });
  for (const complaint of complaints) process.stdout.write(`FAILED: ${complaint}\n`);
  return complaints.length === 0 ? 0 : 1;
}
