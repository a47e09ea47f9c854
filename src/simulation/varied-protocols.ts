import type { LearnerOptions } from '../protocols/log/learner';
import type { Protocol } from '../core/replica';
import { DEFAULT_OPTIONS as MULTI_PAXOS } from '../protocols/multi-paxos/options';
import { MultiPaxosReplica } from '../protocols/multi-paxos/replica';
import { DEFAULT_OPTIONS as PAXOS } from '../protocols/paxos/options';
import { PaxosReplica } from '../protocols/paxos/replica';
import type { ProtocolName } from '../protocols/registry';
import type { ProtocolVariation } from './scenario';

/** What is kept of a log, and of one whose snapshot is fetched. */
function logLimits(
  { log, offeredLog }: Pick<LearnerOptions, 'log' | 'offeredLog'>,
  { logSlots, offeredSlots }: Pick<ProtocolVariation, 'logSlots' | 'offeredSlots'>,
): Pick<LearnerOptions, 'log' | 'offeredLog'> {
  const slots = offeredSlots === undefined ? offeredLog.slots : logSlots + offeredSlots;
  return { log: { ...log, slots: logSlots }, offeredLog: { ...offeredLog, slots } };
}

/** The protocols, with options that a run varies. */
export const VARIED: Readonly<Record<ProtocolName, (variation: ProtocolVariation) => Protocol>> = {
  paxos: ({ pieceSlots, timing, limits, ...variation }) => ({
    name: 'paxos',
    create: (environment, machine, settings) =>
      new PaxosReplica(environment, machine, settings, {
        ...PAXOS,
        ...timing,
        ...logLimits(PAXOS, variation),
        pieceSlots,
        ...limits,
      }),
  }),
  'multi-paxos': ({ checkpointSlots, pieceSlots, timing, limits, ...variation }) => ({
    name: 'multi-paxos',
    create: (environment, machine, settings) =>
      new MultiPaxosReplica(environment, machine, settings, {
        ...MULTI_PAXOS,
        ...timing,
        ...logLimits(MULTI_PAXOS, variation),
        checkpointSlots: checkpointSlots ?? Math.ceil(variation.logSlots / 2),
        roundSlots: pieceSlots,
        pieceSlots,
        ...limits,
      }),
  }),
};
