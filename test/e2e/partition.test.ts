import { expect, test } from '@jest/globals';
import { runProgram } from '../cli/program';
import { seedOf } from './load/seed';
import { whyNotSwitched } from './load/switched-network';

const obstacle = whyNotSwitched();
if (obstacle !== undefined) process.stderr.write(`not run, a network cannot be cut here: ${obstacle}\n`);
const testCut = obstacle === undefined ? test : test.skip;

testCut(
  'partitions of a real network, symmetric, one-way and with a bridge: nothing is acknowledged without a quorum, and the history is right',
  async () => {
    const seed = seedOf('npx jest test/e2e/partition.test.ts');
    const argv = ['partition-program.ts', '--rounds', '3', '--seed', String(seed)];
    const { code, stdout, stderr } = await runProgram('test/e2e/run.js', argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const cut of ['symmetric', 'one-way', 'bridge']) expect(stdout).toContain(` ${cut} `);
    expect(stdout).toContain('3 of 3 partitions: every history is as promised');
  },
  60_000,
);
