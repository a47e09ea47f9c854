import { InvalidArgumentError, type Command } from 'commander';
import { PROTOCOLS, type ProtocolName } from '../protocols/registry';
import { StartRefused, whyNoQuorums } from '../server/configuration';
import type { Wishes } from '../simulation/draw';
import { serversOf } from '../simulation/draw-quorums';
import { option, program, run, UsageError, wholeNumber } from './options';
import { addMuseumCommand, knownExhibit } from './simulate/museum';
import { prepareFile, prepareFolder } from './simulate/output';
import type { Seeds } from './simulate/pool';
import { refuseOthers } from './simulate/refuse';
import { replay } from './simulate/replay';
import { addSearchCommand } from './simulate/search';
import { swarm } from './simulate/swarm';

interface Options {
  readonly protocol?: ProtocolName | 'all';
  readonly seeds: Seeds;
  readonly jobs: number;
  readonly servers?: number;
  readonly quorums?: string;
  readonly thrifty?: true;
  readonly read?: 'local' | 'linearizable';
  readonly exhibit?: string;
  readonly replay?: string;
  readonly failures: string;
  readonly history?: string;
  readonly keepGoing?: true;
  readonly verbose?: true;
  readonly json?: true;
}

const INTERRUPTED = 130;
const MOST_SERVERS = 9;
const EXIT_CODES = `
Exit codes: 0 all runs passed, 1 a run failed (or an exhibit was not caught), 2 wrong usage, 130 interrupted.
How to read a run: docs/simulation.md.
`;

/** Runs simulated clusters. */
export async function main(argv: readonly string[]): Promise<number> {
  let task = (): Promise<number> => Promise.resolve(0);
  const command = program(
    'simulate',
    'Run the shipped code in simulated clusters, under every fault we know.',
    [
      ['simulate --seeds 1..1000 --jobs 2', 'a thousand clusters, two at a time'],
      ['simulate --seeds 42', 'one, with all that it drew'],
      ['simulate --read local --seeds 1..50', 'what local reads may show'],
      ['simulate --quorums any --seeds 1..50', 'other quorums than majorities, and thrifty proposers'],
      ['simulate --exhibit P-1 --seeds 1..10', 'with a known mistake in the code'],
      ['simulate --replay failures/seed-42-paxos.json', 'a failure again'],
      ['simulate museum', 'all known mistakes, and what catches them'],
      ['simulate search', 'every order of messages in a small cluster'],
    ],
  );
  addOptions(command).action(() => {
    const options = command.opts<Options>();
    if (options.replay !== undefined) refuseOthers(command, '--replay', ['replay', 'verbose']);
    task = () => simulate(options);
  });
  addMuseumCommand(command, (work) => (task = work));
  addSearchCommand(command, (work) => (task = work));
  return await run(command, argv, () => task());
}

function addOptions(command: Command): Command {
  const protocols = Object.keys(PROTOCOLS);
  return command
    .addOption(
      option('--protocol <name>', "which one (default: paxos, or the exhibit's)").choices([
        ...protocols,
        'all',
      ]),
    )
    .addOption(
      option('--seeds <range>', 'one seed, or first..last')
        .argParser(seeds)
        .default({ first: 1, last: 100 }, '1..100'),
    )
    .addOption(option('--jobs <count>', 'runs at a time').argParser(wholeNumber(1, 64)).default(1))
    .addOption(option('--servers <count>', 'not drawn, but so many').argParser(wholeNumber(1, MOST_SERVERS)))
    .addOption(
      option(
        '--quorums <system>',
        'majority, q1,q2 or grid:RxC, which fix the number of servers too; any: drawn (default: majority)',
      ),
    )
    .addOption(option('--thrifty', 'ask a smallest quorum for its votes, and the others only if one is late'))
    .addOption(option('--read <level>', 'of all reads, not drawn').choices(['local', 'linearizable']))
    .addOption(option('--exhibit <id>', 'put in a mistake from the museum'))
    .addOption(option('--replay <file>', 'run a failure file again, and tell its story'))
    .addOption(option('--failures <folder>', 'where failure files go').default('failures'))
    .addOption(option('--history <file>', 'of a single seed: what its clients saw, for bin/check'))
    .addOption(option('--keep-going', 'do not stop at the first failure'))
    .addOption(
      option('--verbose', 'all that each run draws, and how it went; with --replay, the whole story'),
    )
    .addOption(option('--json', 'one JSON document per protocol'))
    .addHelpText('after', EXIT_CODES);
}

async function simulate(options: Options): Promise<number> {
  if (options.replay !== undefined) return await replay(options.replay, options.verbose ?? false);
  const exhibit = options.exhibit === undefined ? undefined : knownExhibit(options.exhibit);
  const names = Object.keys(PROTOCOLS) as ProtocolName[];
  const { protocol: name = exhibit?.protocol ?? 'paxos', quorums = exhibit?.quorums } = options;
  const protocols = name === 'all' ? names : [name];
  if (options.history !== undefined) {
    const isOne = options.seeds.first === options.seeds.last && protocols.length === 1;
    if (!isOne) throw new UsageError('--history records one run: give one seed and one protocol');
    prepareFile(options.history);
  }
  refuseQuorums(quorums, options.servers);
  const clear = prepareFolder(options.failures);
  let worst = 0;
  try {
    for (const protocol of protocols) {
      const { servers, thrifty, read } = options;
      const wishes: Wishes = { protocol, servers, quorums, thrifty, read };
      const exitCode = await swarm({
        wishes,
        seeds: options.seeds,
        jobs: options.jobs,
        exhibit: exhibit?.id,
        folder: options.failures,
        history: options.history,
        json: options.json ?? false,
        verbose: options.verbose ?? false,
        keepGoing: options.keepGoing ?? false,
      });
      worst = Math.max(worst, exitCode);
      if (exitCode === INTERRUPTED) break;
    }
  } finally {
    clear();
  }
  return worst;
}

/** Throws StartRefused when no cluster that can be simulated has these quorums. */
function refuseQuorums(quorums = 'majority', servers?: number): void {
  if (quorums === 'any') return;
  const size = servers ?? serversOf(quorums) ?? 1;
  const obstacle =
    size > MOST_SERVERS
      ? `quorums ${quorums} belong to ${size} servers, and ${MOST_SERVERS} are simulated at most`
      : whyNoQuorums(quorums, size);
  if (obstacle !== undefined) throw new StartRefused(obstacle);
}

function seeds(text: string): Seeds {
  const match = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(text);
  const first = Number(match?.[1] ?? NaN);
  const last = Number(match?.[2] ?? match?.[1] ?? NaN);
  if (first <= last) return { first, last };
  throw new InvalidArgumentError('A seed such as 7, or a range such as 1..100, is needed.');
}
