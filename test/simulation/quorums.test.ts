import { describe, expect, test } from '@jest/globals';
import { drawScenario } from '../../src/simulation/draw';
import { judgedQuorums } from '../../src/simulation/judged-quorums';
import { runScenario } from '../../src/simulation/run';

const ANY = { protocol: 'paxos', quorums: 'any' } as const;

describe('runs with other quorums', () => {
  test('pass, thrifty or not', async () => {
    const few = { ...ANY, servers: 4 };
    for (let seed = 1; seed <= 5; seed++) {
      const { failure } = await runScenario(drawScenario(seed, few));
      expect([seed, failure?.message]).toEqual([seed, undefined]);
    }
  });

  test('are of every kind, and whoever is healed or keeps its disk has quorums for both phases', () => {
    const kinds = new Map<string, number>();
    for (let seed = 1; seed <= 300; seed++) {
      const { quorums, servers, thrifty, core, faults } = drawScenario(seed, ANY);
      const kind = `${quorums.replace(/:.*|\d,\d/, '')}${thrifty ? ', thrifty' : ''}`;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      const wiped = faults.flatMap((fault) => (fault.kind === 'wiped disk' ? [fault.server] : []));
      const able = Array.from({ length: servers }, (_, id) => id).filter((id) => !wiped.includes(id));
      const judged = judgedQuorums(quorums, servers);
      for (const set of [core, able].map((ids) => new Set(ids)))
        expect([seed, judged.isPhase1Quorum(set), judged.isPhase2Quorum(set)]).toEqual([seed, true, true]);
    }
    expect(kinds.size).toBe(6);
    expect(Math.min(...kinds.values())).toBeGreaterThan(10);
  });

  test.each([
    ['majority', undefined],
    ['4,2', 5],
    ['grid:2x3', 6],
  ])('%s fixes the number of servers: %s', (quorums, servers) => {
    const usual = drawScenario(7, { protocol: 'paxos' });
    const drawn = drawScenario(7, { protocol: 'paxos', quorums });
    expect([drawn.quorums, drawn.thrifty, drawn.servers]).toEqual([quorums, false, servers ?? usual.servers]);
    expect(drawScenario(7, { protocol: 'paxos', quorums, thrifty: true }).thrifty).toBe(true);
  });
});
