import type { ServerId } from '../core/ballot';
import type { CallOptions, Dispatch, Transport } from '../core/environment';
import { CallError, Unanswered } from '../core/errors';
import type { Credentials } from './handshake';
import { HealthWatch, type PeerHealth } from './peer-health';
import { PeerLane, type LaneObserver } from './peer-lane';

const ANSWER_BYTES = 64 * 1024 * 1024;
const WAYS = {
  // Votes that come while others are under way share the next batch, and with it a sync of the peer's disk. Only where
  // the way is long they do not wait for its end.
  vote: { batchesInFlight: 8, batchSpacingMs: 50 },
  bulk: { batchesInFlight: 2, batchSpacingMs: 0 },
  // A batch is answered when its last command is chosen; the next must not wait for that.
  command: { batchesInFlight: 8, batchSpacingMs: 0 },
} as const;
/** The most connections that one server opens to another. */
export const CONNECTIONS_TO_PEER = Object.values(WAYS).reduce((sum, way) => sum + way.batchesInFlight, 0);
type Ways = Readonly<Record<keyof typeof WAYS, PeerLane>>;

/** How long news waits for a vote to travel with. */
const LINGER_MS = 3;

export interface Peer {
  readonly id: ServerId;
  /** `http://host:port` */
  readonly origin: string;
}

/** Told of every message between servers. */
export interface TrafficObserver {
  message(direction: 'sent' | 'received', method: string, kind: 'request' | 'answer', bytes: number): void;
  roundTrip(peer: ServerId, durationMs: number): void;
  failure(peer: ServerId): void;
}

class Health implements LaneObserver {
  readonly #peer: ServerId;
  readonly #traffic: TrafficObserver;
  readonly #watch = new HealthWatch(() => performance.now());

  constructor(peer: ServerId, traffic: TrafficObserver) {
    this.#peer = peer;
    this.#traffic = traffic;
  }

  sent(method: string, bytes: number): void {
    this.#traffic.message('sent', method, 'request', bytes);
  }

  answered(method: string): void {
    this.#traffic.message('received', method, 'answer', 0);
  }

  roundTrip(durationMs: number): void {
    this.#watch.answered(durationMs);
    this.#traffic.roundTrip(this.#peer, durationMs);
  }

  failed(): void {
    this.#watch.failed();
    this.#traffic.failure(this.#peer);
  }

  view(): PeerHealth {
    return this.#watch.view();
  }
}

/**
 * Remote calls between the servers of a cluster, as JSON-RPC over WebSockets: each peer's own port, path /rpc. No call is
 * sent before the peer has proved that it is the one (see handshake.ts).
 */
export class JsonRpcTransport implements Transport {
  readonly #lanes = new Map<ServerId, Ways>();
  readonly #health = new Map<ServerId, Health>();
  #dispatch: Dispatch = () => Promise.reject(new Unanswered('the server is not listening yet'));

  /** `onMet` hears of each peer that lets this server in; and, with a reason, of each that does not, or has not proved itself. */
  constructor(
    peers: readonly Peer[],
    credentials: Credentials,
    traffic: TrafficObserver,
    onMet: (peer: ServerId, refusal: string | undefined) => void,
  ) {
    for (const { id, origin } of peers) {
      const health = new Health(id, traffic);
      const lane = (name: keyof Ways): PeerLane =>
        new PeerLane({
          peer: id,
          origin,
          credentials,
          maxAnswerBytes: ANSWER_BYTES,
          observer: health,
          onMet: (refusal) => {
            onMet(id, refusal);
          },
          ...WAYS[name],
        });
      this.#health.set(id, health);
      this.#lanes.set(id, { vote: lane('vote'), bulk: lane('bulk'), command: lane('command') });
    }
  }

  call(to: ServerId, method: string, params: unknown, { timeoutMs, lane }: CallOptions): Promise<unknown> {
    const lanes = this.#lanes.get(to);
    if (lanes === undefined) return Promise.reject(new CallError(`server ${to} is no peer`));
    if (lane === 'news') return lanes.vote.call(method, params, timeoutMs, LINGER_MS);
    return lanes[lane].call(method, params, timeoutMs);
  }

  listen(dispatch: Dispatch): void {
    this.#dispatch = dispatch;
  }

  /** Answers the peers' calls; before `listen` they go unanswered. */
  get dispatch(): Dispatch {
    return this.#dispatch;
  }

  health(peer: ServerId): PeerHealth {
    return this.#health.get(peer)?.view() ?? { reachable: false, roundTripMs: null, lastAnswerMs: null };
  }

  close(): void {
    for (const { vote, bulk, command } of this.#lanes.values())
      for (const lane of [vote, bulk, command]) lane.close();
  }
}
