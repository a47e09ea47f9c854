import { DEFAULT_OPTIONS } from '../../src/protocols/paxos/options';
import { PaxosReplica, paxos } from '../../src/protocols/paxos/replica';
import { describeProtocol } from './protocol';

const SHORT_LOG = { ...DEFAULT_OPTIONS, log: { slots: 20, characters: 1e6 }, pieceSlots: 7 };

describeProtocol('paxos', {
  protocol: paxos,
  least: { lostMessages: 50, lostWritesPerRun: 1 },
  forgetful: {
    name: paxos.name,
    create: (environment, machine, settings) => new PaxosReplica(environment, machine, settings, SHORT_LOG),
  },
});
