import type { Lane } from '../core/environment';
import type { Message } from './network';
import type { Link } from './scenario';
import type { VirtualTime } from './virtual-time';

/** Between two servers each of these has connections of its own, opened by the one that asks. News travels with votes. */
export type ConnectionLane = Exclude<Lane, 'news'>;
export const CONNECTION_LANES: readonly ConnectionLane[] = ['vote', 'bulk', 'command'];

/** What befalls the connections of one lane alone, each from the server that asks to the one that answers. */
export type LaneFault = {
  readonly lane: ConnectionLane;
  readonly connections: readonly Link[];
  /** Which half of the exchanges suffers. */
  readonly side: 'requests' | 'answers' | 'both';
  readonly forMs: number;
} & ({ readonly kind: 'lane cut' } | { readonly kind: 'lane slow'; readonly byMs: number });

export function laneOf(lane: Lane): ConnectionLane {
  return lane === 'news' ? 'vote' : lane;
}

/** The faults that befall single lanes at the moment. */
export class LaneFaults {
  readonly #time: VirtualTime;
  readonly #faults = new Set<LaneFault>();

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  begin(fault: LaneFault): void {
    this.#faults.add(fault);
    this.#time.after(fault.forMs, () => this.#faults.delete(fault));
  }

  isCut(message: Message): boolean {
    for (const fault of this.#faults) if (fault.kind === 'lane cut' && concerns(fault, message)) return true;
    return false;
  }

  /** By how much longer the message may take. */
  slowMs(message: Message): number {
    let slowMs = 0;
    for (const fault of this.#faults)
      if (fault.kind === 'lane slow' && concerns(fault, message)) slowMs = Math.max(slowMs, fault.byMs);
    return slowMs;
  }
}

function concerns({ lane, connections, side }: LaneFault, message: Message): boolean {
  const { from, to, kind } = message;
  if (message.lane !== lane || (side !== 'both' && (side === 'requests') !== (kind === 'request')))
    return false;
  const [asks, answers] = kind === 'request' ? [from, to] : [to, from];
  return connections.some(([a, b]) => a === asks && b === answers);
}
