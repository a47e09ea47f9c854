import type { ServerId } from '../core/ballot';
import type { Random } from '../core/environment';
import type { Hands } from './leader-faults';
import { pick, shuffled } from './random-picks';
import type { Fault } from './scenario';
import { linksBetween } from './weather';

type QuorumMoves = Extract<Fault, { kind: 'quorum moves' }>;

/**
 * A server is cut off and falls behind. When it comes back, the others that make a majority with it have just been
 * restarted, and all the rest are out of reach: what was chosen meanwhile is known to nobody but from the disks of those.
 */
export function drawQuorumMoves(
  random: Random,
  at: { atMs: number },
  { servers }: { readonly servers: readonly ServerId[] },
): Fault {
  const [server = 0, ...others] = shuffled(random, servers);
  return {
    atMs: random.chance(0.2) ? 0 : at.atMs,
    kind: 'quorum moves',
    server,
    restarted: others.slice(0, Math.floor(servers.length / 2)),
    behindMs: random.int(200, 3000),
    kept: pick(random, [0, 1, 1]),
    downMs: random.int(1, 50),
    forMs: random.int(500, 4000),
  };
}

export function moveQuorum(
  { kind, server, restarted, behindMs, kept, downMs, forMs }: QuorumMoves,
  { world, weather, isHealed, count, crash }: Hands,
): void {
  const others = world.members.filter((member) => member !== server);
  if (others.length === 0 || isHealed(server)) return;
  weather.cut(linksBetween([server], others), behindMs);
  world.time.after(behindMs, () => {
    if (isHealed(server)) return;
    count(kind);
    const lost = others.filter((member) => !restarted.includes(member));
    weather.cut(linksBetween([server, ...restarted], lost), forMs);
    for (const member of restarted) crash(member, 'crash as a quorum moves', kept, downMs);
  });
}
