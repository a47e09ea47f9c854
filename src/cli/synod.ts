import { program, run } from './options';

type Main = (argv: readonly string[]) => Promise<number>;

/** Loaded when asked for: the client must not wait for the server's libraries. */
const PROGRAMS: Record<string, readonly [summary: string, load: () => Main]> = {
  'start-servers': ['a cluster of servers on this machine, until Ctrl-C', () => load('start-servers')],
  server: ['one server', () => load('server')],
  client: ['read and write the store: prompt, batch or one command', () => load('client')],
  bench: ['measure a cluster', () => load('bench')],
  check: ['judge recorded histories: are they linearizable?', () => load('check')],
  simulate: ['run simulated clusters under every fault; the museum of bugs', () => load('simulate')],
  demo: ['five servers, a few operations, and the stores compared', () => load('demo')],
};

function load(name: string): Main {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- synchronous and lazy, with the name from the list above
  return (require(`./${name}`) as { main: Main }).main;
}

/** All programs as sub-commands of one. */
export async function main(argv: readonly string[]): Promise<number> {
  let result: Promise<number> | undefined;
  const command = program('synod', 'A replicated key/value store on Paxos.', [
    ['synod start-servers', 'five servers on ports 15000 to 15004'],
    ['synod client put name ada', 'write to them'],
    ['synod client --help', 'how to use one of the programs'],
  ])
    .enablePositionalOptions()
    .helpCommand(false);
  for (const [name, [summary, loadMain]] of Object.entries(PROGRAMS)) {
    command
      .command(name)
      .summary(summary)
      .helpOption(false)
      .argument('[arguments...]')
      .allowUnknownOption()
      .passThroughOptions()
      .action((rest: string[]) => {
        result = loadMain()(rest);
      });
  }
  return await run(command, argv, () => result ?? Promise.resolve(0));
}
