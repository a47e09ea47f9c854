import { describe, expect, test } from '@jest/globals';
import { loadMutant, type Edit } from '../../src/simulation/museum/mutant';
import type { Code } from '../../src/simulation/museum/code';
import type { Scenario } from '../../src/simulation/scenario';
import { CALM, client, edit, PUT, READ_STUCK } from '../support/mistakes';

const SEEDS = 8;

/** Servers 0 and 1 choose, apply and drop; then 1 restarts and is all that 2, which was cut off, can ask. */
const FORGETFUL: Scenario = {
  ...CALM,
  variation: { logSlots: 0, pieceSlots: 1000 },
  clients: [
    client(Array.from({ length: 30 }, () => ({ ...PUT, afterMs: 60 }))),
    client(
      Array.from({ length: 150 }, () => ({
        ...READ_STUCK,
        key: 'k',
        afterMs: 10,
        read: 'linearizable' as const,
      })),
      { servers: [2] },
    ),
  ],
  faults: [
    {
      kind: 'quorum moves',
      atMs: 500,
      server: 2,
      restarted: [1],
      behindMs: 700,
      kept: 1,
      downMs: 20,
      forMs: 2000,
    },
  ],
};

/** What is wrong with each run of the code with these edits, and how often the quorum moved in all. */
async function runAll(edits: readonly Edit[]): Promise<{ failures: string[]; moves: number; read: number }> {
  const [{ runScenario }] = loadMutant(['simulation/run.ts'], edits) as [Code];
  const failures: string[] = [];
  let [moves, read] = [0, 0];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { failure, injected, succeeded } = await runScenario({ ...FORGETFUL, seed });
    moves += injected['quorum moves'] ?? 0;
    read += succeeded;
    if (failure !== undefined) failures.push(failure.kind);
  }
  return { failures, moves, read };
}

describe('a quorum that moves to servers that were just restarted', () => {
  test('tells a reader of all that was chosen, also where no log is kept', async () => {
    const { failures, moves, read } = await runAll([]);
    expect(failures).toEqual([]);
    expect(moves).toBe(SEEDS);
    expect(read).toBeGreaterThan(SEEDS * 50);
  });

  test('does not, if an acceptor forgets up to where it has dropped its votes', async () => {
    const forgetful = edit(
      'protocols/paxos/acceptor.ts',
      'Math.max(this.#highestAccepted, this.#floor - 1)',
      'this.#highestAccepted',
    );
    expect((await runAll([forgetful])).failures).toContain('stale read');
  });
});
