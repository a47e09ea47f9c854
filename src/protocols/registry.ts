import type { Protocol } from '../core/replica';
import { multiPaxos } from './multi-paxos/replica';
import { paxos } from './paxos/replica';

/** The only list of protocols. */
export const PROTOCOLS = { paxos, 'multi-paxos': multiPaxos } as const satisfies Record<string, Protocol>;

export type ProtocolName = keyof typeof PROTOCOLS;
