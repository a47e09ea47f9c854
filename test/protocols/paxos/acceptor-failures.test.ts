import { expect, test } from '@jest/globals';
import type { Environment } from '../../../src/core/environment';
import { DEFAULT_OPTIONS } from '../../../src/protocols/paxos/options';
import { PaxosReplica } from '../../../src/protocols/paxos/replica';
import { Cluster } from '../../support/cluster';
import { usualSettings } from '../../support/settings';

/** Every call on an acceptor goes unanswered with this probability. */
const FAILURE = 0.25;
const RESEND_MS = 200;

/** Runs that many commands one after the other; gives, of each, the ballots it took. */
async function ballotsUsed(
  servers: number,
  down: number,
  resends: 0 | 1,
  commands: number,
): Promise<number[]> {
  const attempts: number[] = [];
  const counting = (environment: Environment): Environment => ({
    ...environment,
    trace: (build) => {
      const event = build();
      if (event.kind === 'prepare-sent')
        if (event.attempt === 1) attempts.push(1);
        else attempts[attempts.length - 1] = event.attempt;
      environment.trace(() => event);
    },
  });
  const options = {
    ...DEFAULT_OPTIONS,
    resendMs: RESEND_MS,
    // Just before the first resend, or the second.
    phaseTimeoutMs: resends === 0 ? RESEND_MS - 1 : RESEND_MS * 3 - 1,
    callTimeoutMs: RESEND_MS * 3,
    gossipMs: 1e9,
  };
  const cluster = new Cluster(
    (environment, machine) =>
      new PaxosReplica(counting(environment), machine, usualSettings(environment), options),
    servers,
    1,
  );
  cluster.startAll();
  await cluster.world.time.run(10);
  for (let server = 1; server <= down; server++) cluster.crash(server);
  const random = cluster.world.random.fork('failures');
  cluster.world.faults = () =>
    random.chance(FAILURE) ? (random.chance(0.5) ? 'request' : 'answer') : undefined;
  for (let i = 0; i < commands; i++) {
    const outcome = await cluster.outcomeOf(cluster.submit(0, `command ${i}`, 60_000));
    expect(outcome.kind).toBe('done');
  }
  expect(attempts).toHaveLength(commands);
  return attempts;
}

/** Probability that at least `needed` of `asked` answer, squared for the two phases. */
function bothPhases(asked: number, needed: number, answered: number): number {
  let phase = 0;
  for (let k = needed; k <= asked; k++) {
    let ways = 1;
    for (let i = 0; i < k; i++) ways = (ways * (asked - i)) / (i + 1);
    phase += ways * answered ** k * (1 - answered) ** (asked - k);
  }
  return phase ** 2;
}

test.each([
  { servers: 3, down: 0, resends: 0, expected: 0.7119 },
  { servers: 5, down: 0, resends: 0, expected: 0.8037 },
  { servers: 7, down: 0, resends: 0, expected: 0.8639 },
  { servers: 5, down: 0, resends: 1, expected: 0.9956 },
  { servers: 5, down: 1, resends: 0, expected: 0.545 },
  { servers: 5, down: 2, resends: 0, expected: 0.178 },
] as const)(
  '$servers servers, $down down, $resends resends: the first ballot succeeds in $expected of all cases',
  async ({ servers, down, resends, expected }) => {
    const theory = bothPhases(servers - down, Math.floor(servers / 2) + 1, 1 - FAILURE ** (resends + 1));
    expect(theory).toBeCloseTo(expected, 3);

    const commands = 400;
    const attempts = await ballotsUsed(servers, down, resends, commands);
    const first = attempts.filter((ballots) => ballots === 1).length / commands;
    const mean = attempts.reduce((sum, ballots) => sum + ballots, 0) / commands;
    // Three and a half standard deviations.
    expect(Math.abs(first - theory)).toBeLessThan(3.5 * Math.sqrt((theory * (1 - theory)) / commands));
    expect(Math.abs(mean - 1 / theory)).toBeLessThan((3.5 * Math.sqrt((1 - theory) / commands)) / theory);
    if (down === 0) expect(Math.max(...attempts)).toBeLessThanOrEqual(10);
  },
);
