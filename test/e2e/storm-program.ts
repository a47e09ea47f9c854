import { randomInt } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { findFreePorts } from '../../src/cli/supervisor/ports';
import { SeededRandom } from '../../src/core/random';
import { PROTOCOLS } from '../../src/protocols/registry';
import { Program } from '../cli/program';
import type { ApiResult } from '../../src/api/methods';
import { callRpc } from './helpers/rpc';
import { waitUntil } from './helpers/wait';
import { assertJudged } from './load/judge';
import { JudgedLoad } from './load/judged-load';
import { availability, storm } from './load/storm';

interface Options {
  readonly protocol: string;
  readonly seconds: number;
  readonly clients: number;
  readonly servers: number;
  readonly seed: number;
  readonly acceptorFailures?: true;
  readonly quorums?: string;
  readonly thrifty?: true;
  readonly lease?: string;
}

const KEYS = 48;
const READY_WITHIN_MS = 40_000;

/**
 * A storm of kill -9 on the servers that `bin/start-servers` runs and restarts, under load. Exit code 1 when the
 * history of all clients is not linearizable, or the stores do not become equal.
 */
export async function main(): Promise<number> {
  const options = optionsOf(process.argv);
  const { seconds, clients, servers, seed } = options;
  const flags = flagsOf(options);
  process.stdout.write(
    `repeat with: npm run test:storm -- ${flags.join(' ')} --seconds ${seconds} --clients ${clients} --seed ${seed}\n`,
  );
  const port = await findFreePorts(servers);
  const folder = mkdtempSync(join(tmpdir(), 'synod-storm-'));
  // The history begins with absent keys.
  writeFileSync(join(folder, 'prepopulate.json'), '{}');
  const cluster = new Program('bin/start-servers', [String(port), '--log-level', 'warn', ...flags], {
    folder,
  });
  const addresses = Array.from({ length: servers }, (_, id) => `127.0.0.1:${port + id}`);
  let load: JudgedLoad | undefined;
  try {
    await cluster.untilPrinted('ready after', READY_WITHIN_MS);
    load = new JudgedLoad({ addresses, clients, seed, name: 'storm', keys: KEYS });
    await load.untilFurther(clients);
    const begun = performance.now();
    const killed = await storm(cluster, seconds, new SeededRandom(seed).fork('storm'));
    const seen = availability(load, begun, seconds);
    await load.untilFurther(clients);
    await load.stop();
    const digest = await untilEqual(addresses);
    const { strict, local } = assertJudged('storm', load.events, clients);
    const percent = ((100 * seen.secondsWithSuccess) / seen.seconds).toFixed();
    process.stdout.write(
      `${killed} servers killed in ${seconds} s; ${load.describe()}\n` +
        `available in ${percent} % of ${seen.seconds} seconds; longest wait of an operation ${load.slowestMs().toFixed()} ms\n` +
        `linearizable (${strict} answers), local reads sequential (${local}); five equal stores, digest ${digest}\n`,
    );
    return killed > 0 ? 0 : 1;
  } finally {
    await load?.abandon();
    await cluster.close();
  }
}

async function untilEqual(addresses: readonly string[]): Promise<string> {
  let digests: string[] = [];
  const digestAt = async (address: string): Promise<string> => {
    const status = (await callRpc(
      `http://${address}/rpc`,
      'cluster.status',
      {},
    )) as ApiResult<'cluster.status'>;
    return status.digest;
  };
  await waitUntil(
    async () => {
      digests = await Promise.all(addresses.map((address) => digestAt(address).catch(() => 'no answer')));
      return new Set(digests).size === 1 && digests[0] !== 'no answer';
    },
    READY_WITHIN_MS,
    () => `the stores are not equal: ${digests.join(', ')}`,
  );
  return digests[0] ?? '';
}

function flagsOf({ protocol, servers, acceptorFailures, quorums, thrifty, lease }: Options): string[] {
  return [
    ...['--protocol', protocol, '--servers', String(servers)],
    ...(acceptorFailures ? ['-f'] : []),
    ...(quorums === undefined ? [] : ['--quorums', quorums]),
    ...(thrifty ? ['--thrifty'] : []),
    ...(lease === undefined ? [] : ['--lease', lease]),
  ];
}

function optionsOf(argv: string[]): Options {
  return new Command('test:storm')
    .description('Kill servers at random while clients write and read; judge what the clients saw.')
    .addOption(new Option('--protocol <name>').choices(Object.keys(PROTOCOLS)).default('paxos'))
    .option('--seconds <count>', 'length of the storm', Number, 60)
    .option('--clients <count>', 'clients that write and read all the time', Number, 32)
    .option('--servers <count>', 'size of the cluster', Number, 5)
    .option('-f, --acceptor-failures', 'leave 25 % of the calls on acceptors unanswered')
    .option('--quorums <system>', 'as for bin/start-servers')
    .option('--thrifty', 'as for bin/start-servers')
    .option('--lease <duration>', 'as for bin/start-servers')
    .option('--seed <number>', 'repeats victims and requests of an earlier run', Number, randomInt(2 ** 32))
    .parse(argv)
    .opts<Options>();
}
