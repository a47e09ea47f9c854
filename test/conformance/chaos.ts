import type { ServerId } from '../../src/core/ballot';
import type { Random } from '../../src/core/environment';
import { LATENCY_MS, type Rule } from '../../src/simulation/network';
import type { Cluster } from '../support/cluster';

export interface Chaos {
  /** Chances for each message, request and reply apart. */
  readonly loss: number;
  readonly duplication: number;
  /** Share of messages that take up to this much longer, and so overtake or are overtaken. */
  readonly slow: number;
  readonly slowMs: number;
  /** Chance for each call on an acceptor to go unanswered. */
  readonly acceptorFailure: number;
  /** Mean time between crashes; Infinity for none. A server is back after up to `downMs`. */
  readonly crashMs: number;
  readonly downMs: number;
  /** From write to durable, at most. */
  readonly syncMs: number;
}

export const CALM: Chaos = {
  loss: 0,
  duplication: 0,
  slow: 0,
  slowMs: 0,
  acceptorFailure: 0,
  crashMs: Infinity,
  downMs: 0,
  syncMs: 0.1,
};

/** What the chaos did. A run in which it did nothing shows nothing. */
export interface Damage {
  crashes: number;
  lostWrites: number;
  lostCalls: number;
}

function lossy(chaos: Chaos, random: Random): Rule {
  return () => {
    if (random.chance(chaos.loss)) return 'drop';
    const delay = (): number =>
      LATENCY_MS * (0.5 + random.float()) + (random.chance(chaos.slow) ? random.float() * chaos.slowMs : 0);
    return { delaysMs: random.chance(chaos.duplication) ? [delay(), delay()] : [delay()] };
  };
}

/** Lets chaos into a running cluster; the function it gives ends it, with all servers up. */
export function unleash(cluster: Cluster, chaos: Chaos): { damage: Damage; calm: () => void } {
  const { world, hosts } = cluster;
  const random = world.random.fork('chaos');
  const damage: Damage = { crashes: 0, lostWrites: 0, lostCalls: 0 };
  const down = new Set<ServerId>();
  let isOver = false;

  const scheduleCrash = (): void => {
    world.time.after(-Math.log(1 - random.float()) * chaos.crashMs, () => {
      if (isOver) return;
      const server = random.int(0, hosts.length - 1);
      if (!down.has(server)) {
        const { disk } = hosts[server]!;
        damage.crashes++;
        damage.lostWrites += cluster.crash(server, random.int(0, disk.pendingWrites));
        down.add(server);
        world.time.after(random.float() * chaos.downMs, () => {
          restart(server);
        });
      }
      scheduleCrash();
    });
  };
  const restart = (server: ServerId): void => {
    if (down.delete(server)) cluster.start(server);
  };

  const disks = world.random.fork('disks');
  for (const { disk } of hosts) disk.syncMs = () => disks.float() * chaos.syncMs;
  world.network.rule = lossy(chaos, world.random.fork('network'));
  const faults = world.random.fork('acceptor faults');
  world.faults = (_, service) => {
    if (service !== 'acceptor' || !faults.chance(chaos.acceptorFailure)) return undefined;
    damage.lostCalls++;
    return faults.chance(0.5) ? 'request' : 'answer';
  };
  if (chaos.crashMs < Infinity) scheduleCrash();
  return {
    damage,
    calm: () => {
      isOver = true;
      world.network.rule = lossy(CALM, world.random.fork('calm'));
      world.faults = () => undefined;
      for (const server of [...down]) restart(server);
    },
  };
}
