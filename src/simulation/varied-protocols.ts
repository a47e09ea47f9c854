import type { Protocol } from '../core/replica';
import { DEFAULT_OPTIONS as MULTI_PAXOS } from '../protocols/multi-paxos/options';
import { MultiPaxosReplica } from '../protocols/multi-paxos/replica';
import { DEFAULT_OPTIONS as PAXOS } from '../protocols/paxos/options';
import { PaxosReplica } from '../protocols/paxos/replica';
import type { ProtocolName } from '../protocols/registry';
import type { ProtocolVariation } from './scenario';

/** The protocols, with options that a run varies. */
export const VARIED: Readonly<Record<ProtocolName, (variation: ProtocolVariation) => Protocol>> = {
  paxos: ({ logSlots, pieceSlots, timing, limits }) => ({
    name: 'paxos',
    create: (environment, machine, settings) =>
      new PaxosReplica(environment, machine, settings, {
        ...PAXOS,
        ...timing,
        log: { ...PAXOS.log, slots: logSlots },
        pieceSlots,
        ...limits,
      }),
  }),
  'multi-paxos': ({ logSlots, checkpointSlots, pieceSlots, timing, limits }) => ({
    name: 'multi-paxos',
    create: (environment, machine, settings) =>
      new MultiPaxosReplica(environment, machine, settings, {
        ...MULTI_PAXOS,
        ...timing,
        log: { ...MULTI_PAXOS.log, slots: logSlots },
        checkpointSlots: checkpointSlots ?? Math.ceil(logSlots / 2),
        roundSlots: pieceSlots,
        pieceSlots,
        ...limits,
      }),
  }),
};
