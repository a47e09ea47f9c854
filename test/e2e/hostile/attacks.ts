import type { Attack } from './attack';
import * as bodies from './bodies';
import * as connections from './connections';
import * as sockets from './sockets';

export const ATTACKS: readonly Attack[] = [
  connections.upgradeThenPlain,
  connections.upgradesInAnyOrder,
  connections.abandonedUpgrades,
  connections.halfRequests,
  connections.pipelining,
  connections.flood,
  sockets.cutFrames,
  sockets.provenGarbage,
  bodies.refusedBodies,
  bodies.unfinishedBodies,
  bodies.dribbledBodies,
  bodies.malformedCalls,
  bodies.unknownParameters,
  bodies.unreadAnswers,
  bodies.largeBatches,
  bodies.putBatches,
];
