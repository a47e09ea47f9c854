import { describe, expect, test } from '@jest/globals';
import { formatFailure, parseFailure } from '../../src/simulation/failure-file';
import { codeWith, exhibitOf } from '../../src/simulation/museum/code';
import { drawScenario } from '../../src/simulation/draw';
import { runScenario } from '../../src/simulation/run';
import type { Scenario } from '../../src/simulation/scenario';
import { shrink } from '../../src/simulation/shrink';

function sizeOf({ servers, clients, faults }: Scenario): number {
  return servers + faults.length + clients.reduce((sum, { requests }) => sum + 1 + requests.length, 0);
}

/** The first run of five or seven servers with a fault of this kind, at best with several. */
function firstWith(kind: string): Scenario {
  for (let seed = 1; ; seed++) {
    const scenario = drawScenario(seed, { protocol: 'paxos', servers: 5 });
    if (scenario.faults.filter((fault) => fault.kind === kind).length > 1) return scenario;
  }
}

describe('a failure is made smaller', () => {
  test('it stays the same failure, and its file gives the same run', async () => {
    const exhibit = exhibitOf('P-4b');
    const code = codeWith(exhibit!);
    const scenario = code.drawScenario(3, { protocol: 'paxos' });
    const whole = await code.runScenario(scenario);
    expect(whole.failure?.kind).toBe('said before durable');
    const { scenario: small, runs } = await shrink(
      scenario,
      async (candidate) => (await code.runScenario(candidate)).failure?.kind === whole.failure?.kind,
      150,
    );
    expect(runs).toBeLessThanOrEqual(150);
    expect(sizeOf(small)).toBeLessThan(sizeOf(scenario) / 3);
    const report = await code.runScenario(small);
    expect(report.failure?.kind).toBe('said before durable');
    const failure = report.failure!;
    const file = parseFailure(
      formatFailure({ version: 1, commit: 'abc', exhibit: 'P-4b', failure, scenario: small }),
    );
    expect((await code.runScenario(file.scenario)).traceHash).toBe(report.traceHash);
  }, 180_000);

  test('no step makes a run that the shipped code could not pass', async () => {
    // A run with a wiped disk: with fewer servers, fewer than half of them may still be wiped.
    const scenario = firstWith('wiped disk');
    const kinds = new Set<string | undefined>();
    let tried = 0;
    await shrink(
      scenario,
      async (candidate) => {
        tried++;
        kinds.add((await runScenario(candidate)).failure?.kind);
        return candidate.servers < scenario.servers;
      },
      60,
    );
    expect(tried).toBeGreaterThan(20);
    expect([...kinds].filter((kind) => kind !== undefined && kind !== 'no work')).toEqual([]);
  }, 180_000);

  test('what cannot be made smaller stays, and runs are counted', async () => {
    const scenario = codeWith(exhibitOf('P-1')!).drawScenario(1, { protocol: 'paxos' });
    let asked = 0;
    const result = await shrink(
      scenario,
      () => {
        asked++;
        return Promise.resolve(false);
      },
      10_000,
    );
    expect(result).toEqual({ scenario, runs: asked });
    expect(asked).toBeGreaterThan(20);
  });

  test.each([
    ['not json', 'it is not JSON'],
    ['{"version": 2}', 'its version is 2, not 1'],
    ['{"version": 1}', 'it holds no failed run'],
  ])('a file that is none is refused: %s', (text, reason) => {
    expect(() => parseFailure(text)).toThrow(reason);
  });
});
