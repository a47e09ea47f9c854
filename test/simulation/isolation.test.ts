import { describe, expect, test } from '@jest/globals';
import { drawScenario } from '../../src/simulation/draw';
import { isolated } from '../../src/simulation/isolation';
import { loadMutant } from '../../src/simulation/museum/mutant';
import { VirtualTime } from '../../src/simulation/virtual-time';
import type { Code } from '../../src/simulation/museum/code';

const CHEATS: [string, string][] = [
  ['Math.random', 'Math.random()'],
  ['Date.now', 'Date.now()'],
  ['performance.now', 'performance.now()'],
  ['setTimeout', 'setTimeout(() => undefined, 0)'],
  ['crypto.randomUUID', 'crypto.randomUUID()'],
  ['new Date', 'new Date()'],
  ['Date', 'Date()'],
  ['process.hrtime', 'process.hrtime()'],
  ['process.hrtime.bigint', 'process.hrtime.bigint()'],
  ['process.uptime', 'process.uptime()'],
  ['randomBytes', "require('node:crypto').randomBytes(1)"],
  ['setTimeout', "require('node:timers').setTimeout(() => undefined, 0)"],
  ['setTimeout', "require('node:timers/promises').setTimeout(1)"],
];

describe('a run is closed off from the real world', () => {
  test.each(CHEATS)('a protocol that calls %s is caught', async (name, cheat) => {
    const [run] = loadMutant(
      ['simulation/run.ts'],
      [
        {
          file: 'protocols/paxos/proposer.ts',
          find: 'let voted = false;',
          replace: `let voted = false; ${cheat};`,
        },
      ],
    ) as [Code];
    const { failure } = await run.runScenario(drawScenario(1, { protocol: 'paxos' }));
    const called = name.split('.').at(-1);
    expect(failure?.message).toContain(`${called} was called in a simulation`);
  });

  test('what Node calls back in between is left alone', async () => {
    const time = new VirtualTime(() => undefined);
    const heard: number[] = [];
    const callBack = (): void => {
      heard.push(performance.now() + Date.now());
    };
    setTimeout(callBack, 1);
    await isolated(
      () => undefined,
      async () => {
        while (heard.length === 0) {
          time.after(1, () => undefined);
          await time.run(1);
        }
      },
      () => undefined,
    );
    expect(heard[0]).toBeGreaterThan(0);
  });

  test('afterwards all is as it was', async () => {
    const before = [setTimeout, Date.now, Math.random, process.listeners('unhandledRejection')];
    await isolated(
      () => undefined,
      () => Promise.resolve(),
      () => undefined,
    );
    expect([setTimeout, Date.now, Math.random, process.listeners('unhandledRejection')]).toEqual(before);
    expect(Math.random()).toBeLessThan(1);
  });

  test('two runs at a time are refused: each would touch the other', async () => {
    const nothing = (): undefined => undefined;
    const inside = isolated(nothing, () => isolated(nothing, () => Promise.resolve(), nothing), nothing);
    await expect(inside).rejects.toThrow('a simulation is running');
  });
});
