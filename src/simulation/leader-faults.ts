import { compareBallots, type ServerId } from '../core/ballot';
import type { Node } from './node';
import type { Fault, Link } from './scenario';
import { linksBetween, type Weather } from './weather';
import type { World } from './world';

export type LeaderFault = Extract<Fault, { kind: `leader ${string}` }>;

/** What a server that is stopped in good order may take to finish what it has begun. */
const DRAIN_MS = 500;
const TAKE_OVER = { timeoutMs: 1000 };

/** What the faults of leaders have done by the nemesis. */
export interface Hands {
  readonly world: World;
  readonly nodes: readonly Node[];
  readonly weather: Weather;
  readonly isHealed: (server: ServerId) => boolean;
  readonly count: (kind: string) => void;
  readonly crash: (server: ServerId, kind: string, keptShare: number, downMs: number) => void;
  readonly pause: (node: Node, forMs: number) => void;
  /** When so much time has passed, unless the server is healed by then. */
  readonly later: (server: ServerId, delayMs: number, run: () => void) => void;
}

/** Does this to whoever leads now. */
export function strikeLeader(fault: LeaderFault, hands: Hands): void {
  const leader = leaderOf(hands);
  if (leader === undefined) return;
  const { id } = leader;
  const { world, weather, count } = hands;
  const others = world.members.filter((member) => member !== id);
  switch (fault.kind) {
    case 'leader crash':
      hands.crash(id, fault.kind, fault.kept, fault.downMs);
      break;
    case 'leader crash as one returns':
      weather.cut(
        linksBetween(
          [fault.server],
          world.members.filter((member) => member !== fault.server),
        ),
        fault.forMs,
      );
      world.time.after(fault.forMs, () => {
        const next = leaderOf(hands);
        if (next === undefined || hands.isHealed(fault.server)) return;
        takeOver(fault.server, hands);
        hands.crash(next.id, fault.kind, fault.kept, fault.downMs);
      });
      break;
    case 'leader usurped':
      count(fault.kind);
      weather.cut(linksBetween([id], others), fault.forMs);
      takeOver(fault.server, hands);
      break;
    case 'leader pause':
      count(fault.kind);
      hands.pause(leader, fault.forMs);
      break;
    case 'leader cut off': {
      const isCut = ([, to]: Link): boolean =>
        fault.side === 'both' || (to === id) === (fault.side === 'deaf');
      const lost = others.filter((member) => !fault.spared.includes(member));
      count(`leader cut off, ${fault.side}`);
      weather.cut(linksBetween([id], lost).filter(isCut), fault.forMs);
      break;
    }
    case 'leader restart':
      count(fault.kind);
      leader.stop(DRAIN_MS, () => {
        if (hands.isHealed(id)) leader.start();
        else
          hands.later(id, fault.downMs, () => {
            leader.start();
          });
      });
  }
}

/** Of those who take themselves for the leader, the one with the highest ballot. */
function leaderOf({ nodes, isHealed }: Hands): Node | undefined {
  return nodes
    .flatMap((node) => {
      const { view } = node;
      return view?.leader === node.id && !isHealed(node.id) ? [{ node, view }] : [];
    })
    .sort((a, b) => compareBallots(b.view.highestPromised, a.view.highestPromised))[0]?.node;
}

/** The server campaigns at once, as if the leader that it knows had asked for it. */
function takeOver(server: ServerId, { world, nodes }: Hands): void {
  const ballot = nodes[server]?.view?.highestPromised;
  if (ballot === undefined || ballot.round === 0) return;
  world.network
    .call(server, server, 'leader.takeOver', { ballot }, TAKE_OVER)
    // It may be down, or not take the ballot for that of its leader.
    .catch(() => undefined);
}
