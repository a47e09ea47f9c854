import type { ApiResult } from '../api/methods';
import type { ServerId } from '../core/ballot';
import type { ProtocolSettings } from '../core/replica';
import type { KeyValueStore } from '../kv/store';
import { formatAddress, type Address } from '../network/address';
import type { PeerHealth } from '../network/peer-health';
import { VERSION } from '../version';
import type { AcceptorFaults } from './acceptor-faults';
import type { Member } from './member';

type Status = ApiResult<'cluster.status'>;

export interface StatusParts {
  readonly configuration: {
    readonly id: ServerId;
    readonly servers: readonly Address[];
    readonly protocol: string;
    readonly cluster: string;
  };
  readonly settings: ProtocolSettings;
  readonly member: Pick<Member, 'inspect'>;
  readonly isReady: boolean;
  readonly store: KeyValueStore;
  readonly faults: AcceptorFaults;
  readonly health: (peer: ServerId) => PeerHealth;
  readonly isDurable: boolean;
  readonly uptimeMs: number;
}

/** How a server sees the cluster and itself. */
export function statusOf(parts: StatusParts): Status {
  const { configuration, settings, member, store, faults } = parts;
  const { id, servers, protocol, cluster } = configuration;
  const { applied, highestChosen, floor, pending, leader } = member.inspect();
  const members = servers.map((address, server) => ({ id: server, address: formatAddress(address) }));
  const peers = members
    .filter((other) => other.id !== id)
    .map((other) => ({ ...other, ...parts.health(other.id) }));
  return {
    id,
    version: VERSION,
    protocol,
    cluster,
    quorums: quorumStatus(settings),
    lease: leaseStatus(settings),
    ready: parts.isReady,
    members,
    peers,
    leader,
    applied,
    highestChosen,
    floor,
    entries: store.size,
    digest: store.digest,
    sessions: { epoch: store.sessions.epoch, clients: store.sessions.size },
    pending,
    acceptorFailure: faults.acceptorFailure,
    unansweredAcceptorCalls: faults.unanswered,
    storage: parts.isDurable ? 'durable' : 'ephemeral',
    uptimeMs: parts.uptimeMs,
  };
}

function quorumStatus({ quorums, thrifty }: ProtocolSettings): Status['quorums'] {
  const { name, phase1, phase2, survives } = quorums;
  return { system: name, thrifty, phase1, phase2, survives: { ...survives } };
}

function leaseStatus({ lease }: ProtocolSettings): Status['lease'] {
  return lease === undefined ? null : { durationMs: lease.durationMs, maxClockDrift: lease.maxDrift };
}
