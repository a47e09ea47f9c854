import type { ServerId } from '../core/ballot';
import type { LeaderLease } from '../core/replica';
import type { ReadLevel } from '../history/history';
import type { SessionLimits } from '../kv/sessions';
import type { ProtocolName } from '../protocols/registry';
import type { DiskPoint } from './disk';
import type { CallPoint } from './host';
import type { LaneFault } from './lanes';

export type FaultPoint = DiskPoint | CallPoint;

/** How a request is made, where not in the plainest way. */
export interface RequestManner {
  /** The next request is begun without waiting for the end of this one. */
  readonly alongside?: true;
  /** The client gives it up after this long. */
  readonly cancelAfterMs?: number;
  /** A write of the empty value. */
  readonly empty?: true;
  /** A write without client and sequence: one request to the first server of the client, never sent again. */
  readonly unsessioned?: true;
}

/** What a simulated client is to do next, `afterMs` from the end of what it did before. */
export type PlannedRequest = RequestManner & { readonly afterMs: number } & (
    | { readonly op: 'status' }
    | { readonly op: 'get'; readonly key: string; readonly read: ReadLevel }
    | { readonly op: 'put' | 'delete'; readonly key: string }
    /** Expects what the client saw last of this key, or that it is absent. */
    | {
        readonly op: 'compareAndSet';
        readonly key: string;
        readonly expect: 'seen' | 'absent';
        readonly deletes: boolean;
      }
    | {
        readonly op: 'list';
        readonly prefix: string;
        readonly after?: string | undefined;
        readonly limit: number;
        readonly read: ReadLevel;
      }
  );

/** A client with this deadline waits for a real answer, however long the faults last. */
export const PATIENT_MS = 3_600_000;

export interface PlannedClient {
  /** Servers in the order in which they are tried. */
  readonly servers: readonly ServerId[];
  /** An operation that is not done by then ends with an unknown outcome. */
  readonly deadlineMs: number;
  readonly attemptTimeoutMs: number;
  /** Writes go to all servers at once. */
  readonly broadcast: boolean;
  /** Left out: false. Reads go to all servers at once. */
  readonly broadcastReads?: boolean;
  /** Left out: false. As the shipped client does unless told otherwise. */
  readonly followLeader?: boolean;
  /** Chance for a request to be held up for seconds on its way to a server. Left out: 0. */
  readonly heldUp?: number;
  /** Chance for a write to be sent once more, to another server, after its client has its answer. */
  readonly echo: number;
  readonly requests: readonly PlannedRequest[];
}

/** Chances and times of the network. They hold for the links between servers; those of clients neither double nor reorder. */
export interface NetworkWeather {
  /** Least delay of a message; that of each link lies between this and twice this. */
  readonly latencyMs: number;
  /** Mean of what comes on top, exponentially distributed: messages overtake each other. */
  readonly jitterMs: number;
  readonly loss: number;
  readonly duplication: number;
  /** Share of the messages that take up to `lateMs` longer. */
  readonly late: number;
  readonly lateMs: number;
  /** Share of the requests for a promise, a vote or a heartbeat that arrive up to `lateMs` later, or once more. Left out: none. */
  readonly veryLate?: { readonly share: number; readonly lateMs: number; readonly copies: boolean };
}

/** A link in one direction. */
export type Link = readonly [from: number, to: number];

/** Something that befalls the cluster at one moment, and how long it lasts. */
export type Fault = { readonly atMs: number } & (
  | {
      readonly kind: 'partition';
      readonly shape: 'symmetric' | 'one-way' | 'bridge' | 'isolated';
      readonly cut: readonly Link[];
      readonly forMs: number;
    }
  | {
      readonly kind: 'flapping';
      readonly cut: readonly Link[];
      readonly periodMs: number;
      readonly forMs: number;
    }
  /** `kept`: the share of the unsynced writes that reach the disk all the same. */
  | {
      readonly kind: 'crash';
      readonly servers: readonly ServerId[];
      readonly kept: number;
      readonly downMs: number;
    }
  | LaneFault
  /** Crashes as it has answered a client, and when it is back it finds its clients but none of the other servers. */
  | {
      readonly kind: 'lonely restart';
      readonly server: ServerId;
      readonly kept: number;
      readonly downMs: number;
      readonly forMs: number;
    }
  /** Cut off for so long; as it comes back, only these servers are in reach, for `forMs`, and they have just been restarted. */
  | {
      readonly kind: 'quorum moves';
      readonly server: ServerId;
      readonly restarted: readonly ServerId[];
      readonly behindMs: number;
      readonly kept: number;
      readonly downMs: number;
      readonly forMs: number;
    }
  /** Crashes again and again, soon after each restart, on a disk that takes its time too. */
  | {
      readonly kind: 'restart storm';
      readonly server: ServerId;
      readonly upMs: readonly number[];
      readonly syncMs: number;
      readonly kept: number;
      readonly downMs: number;
    }
  | {
      readonly kind: 'crash at a point';
      readonly server: ServerId;
      readonly point: FaultPoint;
      readonly times: number;
      readonly kept: number;
      readonly downMs: number;
    }
  | { readonly kind: 'pause'; readonly server: ServerId; readonly forMs: number }
  | { readonly kind: 'clock rate'; readonly server: ServerId; readonly rate: number }
  | { readonly kind: 'clock jump'; readonly server: ServerId; readonly byMs: number }
  | { readonly kind: 'slow disk'; readonly server: ServerId; readonly syncMs: number; readonly forMs: number }
  | {
      readonly kind: 'failing sync';
      readonly server: ServerId;
      readonly keepsFirst: boolean;
      readonly downMs: number;
    }
  | { readonly kind: 'wiped disk'; readonly server: ServerId; readonly downMs: number }
  /** These befall whoever leads at that moment; where nobody does, they do not happen. */
  | { readonly kind: 'leader crash'; readonly kept: number; readonly downMs: number }
  /** As the server comes back into reach after so long: it is far behind, and may become the next leader. */
  | {
      readonly kind: 'leader crash as one returns';
      readonly server: ServerId;
      readonly forMs: number;
      readonly kept: number;
      readonly downMs: number;
    }
  /** Cut off from all others, while this server campaigns at once: two lead for a moment. */
  | { readonly kind: 'leader usurped'; readonly server: ServerId; readonly forMs: number }
  | { readonly kind: 'leader pause'; readonly forMs: number }
  /** Hears nothing (`deaf`), is not heard (`mute`), or both; the spared servers and all clients notice nothing. */
  | {
      readonly kind: 'leader cut off';
      readonly side: 'deaf' | 'mute' | 'both';
      readonly spared: readonly ServerId[];
      readonly forMs: number;
    }
  /** Stopped in good order, so it hands over. */
  | { readonly kind: 'leader restart'; readonly downMs: number }
);

export type FaultKind = Fault['kind'];

/** What of the protocol's options a run varies: small limits make rare branches common. */
export interface ProtocolVariation {
  /** Chosen values that a server keeps; who needs older ones gets a snapshot. */
  readonly logSlots: number;
  /** Slots from one checkpoint to the next, where they are rarer than slots. Left out: half of the log. */
  readonly checkpointSlots?: number;
  /** Further ones that it keeps while a peer fetches a snapshot. Left out: as shipped, which is more than a run chooses. */
  readonly offeredSlots?: number;
  readonly pieceSlots: number;
  /** The protocol's own patience. Left out: as shipped. */
  readonly timing?: {
    readonly resendMs: number;
    readonly phaseTimeoutMs: number;
    readonly gapMs: number;
    readonly gossipMs: number;
  };
  /** The protocol's own limits. Left out: as shipped. */
  readonly limits?: Readonly<Partial<Record<LimitName, number>>>;
}

/** Limits that a run may have smaller than they are shipped; each protocol takes those that it knows. */
export const LIMIT_NAMES = [
  'roundSlots',
  'roundCharacters',
  'roundsInFlight',
  'pieceCharacters',
  'fillSlots',
  'maxQueued',
  'maxRunning',
  'maxRunningWeight',
  'maxWaiting',
  'ownHoles',
] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

/** What a run varies of the state that the servers replicate. Left out of a scenario: all as in the smallest cluster. */
export interface StateVariation {
  /** What the stores hold before the first write. */
  readonly initial: readonly (readonly [key: string, value: string])[];
  /** How much of its clients' writes a server remembers. Left out: as shipped. */
  readonly sessions?: SessionLimits;
}

/** What befalls the servers while they meet for the first time, from their start on. */
export interface Forming {
  readonly faults: readonly Fault[];
  /** The weather of the network holds from the beginning, and the clients begin at once. */
  readonly isStormy: boolean;
}

/** Everything that a run does, but for the small draws of its streams, which come from the seed. Plain data. */
export interface Scenario {
  readonly seed: number;
  readonly protocol: ProtocolName;
  readonly variation: ProtocolVariation;
  readonly servers: number;
  /** `majority`, `q1,q2` or `grid:RxC`. */
  readonly quorums: string;
  readonly thrifty: boolean;
  /** Left out: none. While there is one, no clock runs wrong by more than it allows for. */
  readonly lease?: LeaderLease;
  readonly safetyMs: number;
  readonly network: NetworkWeather;
  /** Longest time from a write to its durability, when the disk is well. */
  readonly syncMs: number;
  /** The digest of each store is asked for after every so many slots. Left out: after each. */
  readonly digestSlots?: number;
  /** After this long a server gives an operation up. */
  readonly operationTimeoutMs: number;
  /** The classroom's -f. */
  readonly acceptorFailure: number;
  readonly state?: StateVariation;
  readonly forming?: Forming;
  readonly clients: readonly PlannedClient[];
  readonly faults: readonly Fault[];
  /** Quorums for both phases, healed for the liveness phase; the rest stays as it is. */
  readonly core: readonly ServerId[];
}
