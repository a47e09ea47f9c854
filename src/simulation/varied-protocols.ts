import type { Protocol } from '../core/replica';
import { DEFAULT_OPTIONS } from '../protocols/paxos/options';
import { PaxosReplica } from '../protocols/paxos/replica';
import type { ProtocolName } from '../protocols/registry';
import type { ProtocolVariation } from './scenario';

/** The protocols, with options that a run varies. */
export const VARIED: Readonly<Record<ProtocolName, (variation: ProtocolVariation) => Protocol>> = {
  paxos: ({ logSlots, pieceSlots, timing }) => ({
    name: 'paxos',
    create: (environment, machine) =>
      new PaxosReplica(environment, machine, {
        ...DEFAULT_OPTIONS,
        ...timing,
        log: { ...DEFAULT_OPTIONS.log, slots: logSlots },
        pieceSlots,
      }),
  }),
};
