import { describe, expect, test } from '@jest/globals';
import { drawScenario } from '../../src/simulation/draw';
import type { ProtocolName } from '../../src/protocols/registry';
import { loadMutant } from '../../src/simulation/museum/mutant';
import { runScenario } from '../../src/simulation/run';
import type { RunReport } from '../../src/simulation/run-report';
import type { Code } from '../../src/simulation/museum/code';
import { addRun, NO_RUNS, type Summary } from '../../src/simulation/summary';

const WISHES = { protocol: 'paxos' } as const;
/** Enough for every kind of fault and every branch, few enough for every run of the tests. */
const SEEDS = 40;
const FEW = 5;

const SHIPPED: Pick<Code, 'drawScenario' | 'runScenario'> = { drawScenario, runScenario };

function runSeed(
  seed: number,
  { drawScenario: draw, runScenario: run } = SHIPPED,
  protocol: ProtocolName = 'paxos',
): Promise<RunReport> {
  return run(draw(seed, { protocol }));
}

async function runMany(code = SHIPPED, seeds = SEEDS, protocol: ProtocolName = 'paxos'): Promise<Summary> {
  let summary = NO_RUNS;
  for (let seed = 1; seed <= seeds; seed++) {
    const report = await runSeed(seed, code, protocol);
    if (report.failure !== undefined)
      throw new Error(
        `seed ${seed}: ${report.failure.message} (bin/simulate --protocol ${protocol} --seeds ${seed})`,
      );
    summary = addRun(summary, { ...report, history: undefined });
  }
  return summary;
}

/** Fails when the simulator has become tame: what it does not do to the cluster it cannot find. */
function expectTeeth({
  runs,
  injected,
  branches,
  operations,
  succeeded,
  checked,
  chosenSlots,
}: Summary): void {
  const share = runs / SEEDS;
  const atLeast: Record<string, number> = {
    'message lost': 1000,
    'message doubled': 1000,
    'message late': 500,
    'message cut off': 500,
    crash: 30,
    'crash that lost unsynced writes': 10,
    'crash in a restart storm': 10,
    pause: 10,
    'slow disk': 5,
    'failing sync': 5,
    'wiped disk': 1,
    'clock jump': 5,
    'clock rate': 5,
    'link flapping': 5,
    'lonely restart': 5,
    'quorum moves': 5,
    'crash as a quorum moves': 5,
    'acceptor call unanswered': 500,
  };
  for (const [kind, count] of Object.entries(atLeast))
    expect([kind, (injected[kind] ?? 0) >= count * share]).toEqual([kind, true]);
  for (const early of [
    'crash',
    'crash that lost unsynced writes',
    'message lost',
    'message cut off',
    'link flapping',
    'slow disk',
  ])
    expect([early, injected[`while the cluster forms: ${early}`] ?? 0]).not.toEqual([early, 0]);
  for (const shape of ['symmetric', 'one-way', 'bridge', 'isolated'])
    expect(injected[`partition, ${shape}`]).toBeGreaterThan(0);
  for (const point of [
    'write-issued',
    'write-durable',
    'call-sent',
    'call-answered',
    'client-answered',
    'snapshot-installed',
  ])
    expect(injected[`crash at ${point}`]).toBeGreaterThan(0);
  for (const branch of [
    'accept-sent, adopted',
    'caught-up by snapshot',
    'phase-failed, phase 2, silent',
    'gap',
  ])
    expect(branches[branch]).toBeGreaterThan(0);
  expect(operations).toBeGreaterThan(1000);
  expect(succeeded / operations).toBeGreaterThan(0.7);
  expect(checked).toBeGreaterThan(800);
  expect(chosenSlots).toBeGreaterThan(1000);
}

/** Likewise for what restarts recover, and for the state. */
function expectMemory({ state }: Summary): void {
  const atLeast: Record<string, number> = {
    'restarts rehearsed': 500,
    'values of recovered logs compared': 1000,
    'recovered states compared': 500,
    'recovered promises compared': 500,
    'recovered votes compared': 1000,
    'welcomes of new servers': 500,
    'installs over keys deleted since the checkpoint': 1,
    'runs with an initial state': 5,
    'runs with a log of length 0': 2,
    'runs with a short log beside a snapshot': 2,
    'runs with checkpoints rarer than the log is long': 2,
    'runs with keys beyond ASCII': 5,
    'runs with faults while the cluster forms': 5,
    'runs with clients that do one thing': 5,
  };
  for (const [what, count] of Object.entries(atLeast))
    expect([what, (state[what] ?? 0) >= count]).toEqual([what, true]);
}

/** Likewise for what clients do beside plain operations, for faults of single lanes, and for late requests. */
function expectLoad({ loads, peaks, injected }: Summary): void {
  for (const load of [
    'operation beside others of its client',
    'linearizable read beside another at its server',
    'operation cancelled',
    'read from all servers',
    'ready server that took a write',
    'request held up',
    'status told',
    'write of an empty value',
    'write to all servers',
    'write without a session',
  ])
    expect([load, loads[load] ?? 0]).not.toEqual([load, 0]);
  for (const lane of ['vote', 'bulk'])
    expect([lane, injected[`message cut off by lane, ${lane}`] ?? 0]).not.toEqual([lane, 0]);
  for (const late of ['very late prepare', 'very late accept'])
    expect([late, injected[late] ?? 0]).not.toEqual([late, 0]);
  const atLeast: Record<string, number> = {
    'operations of a client at a time': 20,
    'linearizable reads at one server at a time': 5,
    // A window of sessions has 64.
    'writes of a client from one that arrives to its newest': 65,
  };
  for (const [peak, count] of Object.entries(atLeast))
    expect([peak, (peaks[peak] ?? 0) >= count]).toEqual([peak, true]);
}

/** Likewise for what only happens to leaders. */
function expectTeethForLeaders({ injected, branches, checked, chosenSlots }: Summary): void {
  for (const kind of [
    'leader crash',
    'leader crash as one returns',
    'leader pause',
    'leader usurped',
    'leader restart',
    'leader cut off, both',
    'leader cut off, deaf',
    'leader cut off, mute',
  ])
    expect([kind, (injected[kind] ?? 0) >= 3]).toEqual([kind, true]);
  const atLeast = {
    elected: 100,
    'accept-sent, adopted': 100,
    'stepped-down': 20,
    'prepare-rejected': 10,
    'accept-rejected': 5,
    'caught-up by snapshot': 5,
  };
  for (const [branch, count] of Object.entries(atLeast))
    expect([branch, (branches[branch] ?? 0) >= count]).toEqual([branch, true]);
  expect(checked).toBeGreaterThan(1000);
  expect(chosenSlots).toBeGreaterThan(800);
}

describe('simulated clusters', () => {
  test('the shipped code passes with leaders too, which fail in every way', async () => {
    const summary = await runMany(SHIPPED, SEEDS, 'multi-paxos');
    expectTeethForLeaders(summary);
    expectLoad(summary);
    expectMemory(summary);
  }, 60_000);

  test('the shipped code passes, and every kind of fault and rare branch came up', async () => {
    const summary = await runMany();
    expectTeeth(summary);
    expectLoad(summary);
    expectMemory(summary);
  }, 60_000);

  test('the same seed gives the same run, another seed another one', async () => {
    const [first, again, other] = [await runSeed(7), await runSeed(7), await runSeed(8)];
    expect(again).toEqual(first);
    expect(other.traceHash).not.toBe(first.traceHash);
  });

  test('a network that never loses, doubles or delays is noticed', async () => {
    const [draw, run] = loadMutant(
      ['simulation/draw.ts', 'simulation/run.ts'],
      [
        {
          file: 'simulation/nemesis.ts',
          find: 'this.#world.network.rule = this.#weather.rule;\n    this.#hasFormed',
          replace: "this.#world.network.rule = () => 'deliver';\n    this.#hasFormed",
        },
      ],
    ) as [Code, Code];
    const tame = await runMany({ drawScenario: draw.drawScenario, runScenario: run.runScenario }, FEW);
    expect(() => {
      expectTeeth(tame);
    }).toThrow('message lost');
  }, 60_000);

  test('a disk that loses nothing in a crash is noticed', async () => {
    const [draw, run] = loadMutant(
      ['simulation/draw.ts', 'simulation/run.ts'],
      [
        {
          file: 'simulation/disk.ts',
          find: 'for (const write of this.#pending.slice(0, kept)) this.#commit(write);\n    const lost = Math.max(0, this.#pending.length - kept);',
          replace: 'for (const write of this.#pending) this.#commit(write);\n    const lost = 0;',
        },
      ],
    ) as [Code, Code];
    const safe = await runMany({ drawScenario: draw.drawScenario, runScenario: run.runScenario }, FEW);
    expect(() => {
      expectTeeth(safe);
    }).toThrow('crash that lost unsynced writes');
  }, 60_000);

  test('a server that never comes back to old requests is noticed, although it takes new ones', async () => {
    const [draw, run] = loadMutant(
      ['simulation/draw.ts', 'simulation/run.ts'],
      [
        {
          file: 'simulation/nemesis.ts',
          find: "isWell(message.from) && isWell(message.to) ? 'deliver' : weather(message);",
          replace:
            "message.from >= FIRST_CLIENT && message.from < FIRST_CLIENT + this.#scenario.clients.length ? 'drop' : isWell(message.from) && isWell(message.to) ? 'deliver' : weather(message);",
        },
      ],
    ) as [Code, Code];
    const code = { drawScenario: draw.drawScenario, runScenario: run.runScenario };
    const failures: string[] = [];
    const noticed = 'no progress: not within 60 s: every operation that was begun has an answer';
    for (let seed = 1; seed <= 10 && !failures.includes(noticed); seed++)
      failures.push((await runSeed(seed, code)).failure?.message ?? '');
    expect(failures).toContain(noticed);
  }, 60_000);

  test('a run in which nothing is chosen fails', async () => {
    const scenario = drawScenario(1, WISHES);
    const idle = {
      ...scenario,
      clients: scenario.clients.map((client) => ({ ...client, requests: [] })),
      faults: [],
    };
    expect((await runScenario(idle)).failure?.kind).toBe('no work');
  });
});
