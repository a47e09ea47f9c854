import { expect, test } from '@jest/globals';
import { checkKeys } from '../../src/history/linearizability';
import { agrees, judgedCases } from './compare';

/** `SYNOD_NAIVE_HISTORIES=1000000 npx jest test/history/naive` compares more of them. */
const HISTORIES = Number(process.env['SYNOD_NAIVE_HISTORIES'] ?? 32_000);
const SEED = Number(process.env['SYNOD_NAIVE_SEED'] ?? 1);

test(
  `both checkers agree on ${HISTORIES} random histories`,
  () => {
    const counts = { linearizable: 0, violation: 0, sequential: 0, 'not sequential': 0 };
    for (const each of judgedCases(HISTORIES, SEED)) {
      if (!agrees(checkKeys, each)) throw new Error(`they do not agree on ${JSON.stringify(each)}`);
      if (each.relaxLocalReads) counts[each.isPossible ? 'sequential' : 'not sequential']++;
      else counts[each.isPossible ? 'linearizable' : 'violation']++;
    }
    expect(counts.linearizable).toBeGreaterThan(HISTORIES / 5);
    expect(counts.violation).toBeGreaterThan(HISTORIES / 5);
    expect(counts.sequential).toBeGreaterThan(HISTORIES / 20);
    expect(counts['not sequential']).toBeGreaterThan(HISTORIES / 40);
  },
  30_000 + HISTORIES,
);
