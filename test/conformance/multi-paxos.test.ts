import { DEFAULT_OPTIONS } from '../../src/protocols/multi-paxos/options';
import { MultiPaxosReplica, multiPaxos } from '../../src/protocols/multi-paxos/replica';
import { describeProtocol } from './protocol';

const SHORT_LOG = {
  ...DEFAULT_OPTIONS,
  log: { slots: 20, characters: 1e6 },
  checkpointSlots: 10,
  pieceSlots: 7,
};

describeProtocol('multi-paxos', {
  protocol: multiPaxos,
  // A third of the messages of classic Paxos, and one write where it has two or three.
  least: { lostMessages: 30, lostWritesPerRun: 0.5 },
  forgetful: {
    name: multiPaxos.name,
    create: (environment, machine, settings) =>
      new MultiPaxosReplica(environment, machine, settings, SHORT_LOG),
  },
});
