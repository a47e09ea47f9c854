import { compareBallots, type Ballot, type ServerId, type Slot } from '../../core/ballot';
import type { Environment } from '../../core/environment';
import { OperationError, Unanswered } from '../../core/errors';
import type { Json } from '../../core/json';
import type { Protocol, ProtocolSettings, Replica, ReplicaView } from '../../core/replica';
import { Dispatcher, stubs, unreliable } from '../../core/rmi';
import { RoundTrip } from '../../core/round-trip';
import type { StateMachine } from '../../core/state-machine';
import { CatchUp } from '../log/catch-up';
import { Learner } from '../log/learner';
import { LEARNER_METHODS, type Value } from '../log/messages';
import { Rounds } from '../log/rounds';
import { ValueIds } from '../log/value-ids';
import { Acceptor } from './acceptor';
import { Candidate } from './candidate';
import { Election, type Elected } from './election';
import { Follower } from './follower';
import type { End } from './heartbeats';
import { Leader } from './leader';
import {
  ACCEPTOR_METHODS,
  LEADER_METHODS,
  type AcceptorService,
  type LeaderService,
  type Vote,
} from './messages';
import { handOver } from './hand-over';
import { Grant } from './lease';
import { OnceOnly } from './once-only';
import { DEFAULT_OPTIONS, type MultiPaxosOptions } from './options';
import { Operations } from './operations';
import { Requests } from './requests';

/**
 * One server of Multi-Paxos: an acceptor, a learner and a follower, always; a candidate for a moment; a leader when a
 * quorum made it one [Paxos Made Simple, 3; Paxos Made Moderately Complex].
 */
export class MultiPaxosReplica<Command extends Json, Result> implements Replica<Command, Result> {
  readonly #environment: Environment;
  readonly #settings: ProtocolSettings;
  readonly #options: MultiPaxosOptions;
  readonly #acceptor: Acceptor;
  readonly #acceptors: ReadonlyMap<ServerId, AcceptorService>;
  readonly #peers: ReadonlyMap<ServerId, LeaderService>;
  readonly #learner: Learner<Command, Result>;
  readonly #catchUp: CatchUp<Command, Result>;
  readonly #follower: Follower;
  readonly #election: Election;
  readonly #operations: Operations<Result>;
  readonly #rounds: Rounds;
  readonly #grant: Grant;
  readonly #onceOnly = new OnceOnly();
  readonly #dispatcher = new Dispatcher();
  readonly #roundTrip = new RoundTrip();
  #leader: Leader | undefined;
  readonly #ids: ValueIds;
  #stopped = false;

  constructor(
    environment: Environment,
    machine: StateMachine<Command, Result>,
    settings: ProtocolSettings,
    options: MultiPaxosOptions,
  ) {
    const { self, members, transport, storage } = environment;
    this.#environment = environment;
    this.#ids = new ValueIds(self);
    this.#settings = settings;
    this.#options = options;
    this.#rounds = new Rounds(storage);
    this.#grant = new Grant(environment, settings.lease);
    this.#learner = new Learner(environment, machine, options);
    this.#acceptor = new Acceptor(environment, options, this.#learner);
    this.#learner.onTruncate((floor) => this.#acceptor.truncate(floor));
    this.#learner.onOffer(() => this.#ids.next());
    this.#learner.onVotes((slot) => this.#acceptor.voteIn(slot));

    const own = unreliable('acceptor', ACCEPTOR_METHODS, this.#acceptorService(), environment.faults);
    this.#dispatcher.expose('acceptor', ACCEPTOR_METHODS, own);
    this.#dispatcher.expose('learner', LEARNER_METHODS, this.#learner);
    this.#dispatcher.expose('leader', LEADER_METHODS, this.#leaderService());
    const others = members.filter((member) => member !== self);
    const { callTimeoutMs } = options;
    const acceptors = stubs(transport, others, 'acceptor', ACCEPTOR_METHODS, callTimeoutMs).set(self, own);
    const learners = stubs(transport, others, 'learner', LEARNER_METHODS, callTimeoutMs);
    this.#peers = stubs(transport, others, 'leader', LEADER_METHODS, callTimeoutMs);
    this.#acceptors = acceptors;
    const { quorums } = settings;
    const learner = this.#learner;
    const common = { environment, quorums, acceptors, learner, options, roundTrip: this.#roundTrip };
    this.#catchUp = new CatchUp({
      ...common,
      peers: learners,
      // The leader sees to holes.
      fill: () => Promise.resolve(),
      highestAccepted: () => 0,
    });
    const repair = this.#repair;
    const voteIn = (slot: Slot): Vote | undefined => this.#acceptor.voteIn(slot);
    const follower = (this.#follower = new Follower({ ...common, voteIn, repair }));
    const noOp = (): Value => ({ id: this.#ids.next(), command: null });
    this.#election = new Election({
      ...common,
      promised: () => this.#acceptor.promised,
      leads: () => this.#leader?.hasQuorum === true,
      follower,
      candidate: new Candidate({ ...common, repair, noOp }),
      rounds: this.#rounds,
      onElected: (elected) => {
        this.#lead(elected);
      },
    });
    const leader = (): Leader | undefined => this.#leader;
    const requests = new Requests({ ...common, follower, leader, peers: this.#peers });
    this.#operations = new Operations({ ...common, requests });
  }

  async start(): Promise<void> {
    for (const [key, value] of this.#environment.storage.read()) {
      this.#rounds.recover(key, value);
      this.#acceptor.recover(key, value);
      this.#learner.recover(key, value);
      this.#grant.recover(key, value);
    }
    await this.#learner.recovered();
    await this.#ids.begin(this.#rounds);
    await this.#grant.recovered();
    this.#environment.transport.listen(this.#dispatcher.dispatch);
    this.#catchUp.start();
    this.#election.start();
  }

  submit(command: Command, timeoutMs: number, isRepeatable: boolean): Promise<Result> {
    if (this.#ids.incarnation === 0 || this.#stopped) {
      const why = this.#stopped ? 'the server is stopping' : 'the server is starting';
      return Promise.reject(new OperationError('not-ready', why));
    }
    return this.#operations.submit({ id: this.#ids.next(), command }, timeoutMs, isRepeatable);
  }

  readBarrier(timeoutMs: number): Promise<void> {
    return this.#operations.readBarrier(timeoutMs);
  }

  /** As for a read: all that any server ever showed was chosen, and the leader knows of it. */
  async catchUp(timeoutMs: number): Promise<boolean> {
    try {
      await this.readBarrier(timeoutMs);
      return true;
    } catch (error) {
      if (error instanceof OperationError) return false;
      throw error;
    }
  }

  /** A leader finishes what it began, takes nothing new, and asks another server to lead. */
  async handOver(): Promise<void> {
    const leader = this.#leader;
    const successor = this.#peers.get(leader?.successor ?? this.#environment.self);
    if (leader === undefined || successor === undefined) return;
    const { clock } = this.#environment;
    const hasLease = this.#settings.lease !== undefined;
    await handOver({ leader, successor, hasLease, clock, options: this.#options });
  }

  inspect(): ReplicaView {
    return {
      applied: this.#learner.applied,
      highestChosen: this.#learner.highestChosen,
      floor: this.#learner.floor,
      pending: this.#operations.pending,
      highestPromised: this.#acceptor.promised,
      leader: this.#follower.leader ?? null,
    };
  }

  stop(): void {
    this.#stopped = true;
    this.#election.stop();
    this.#leader?.end({ reason: 'stopped' });
    this.#follower.stop();
    this.#catchUp.stop();
  }

  /** The own acceptor and what else the servers ask of each other; whatever a leader says is heard by the follower. */
  #acceptorService(): AcceptorService {
    return {
      prepare: (request) => {
        if (this.#grant.forbids(request.ballot.server))
          return Promise.reject(new Unanswered('a leader has a lease'));
        const reply = this.#acceptor.prepare(request);
        if (this.#isPromisedTo(request.ballot)) this.#election.notePromise();
        return reply;
      },
      accept: (request) => {
        const reply = this.#acceptor.accept(request);
        if (this.#isPromisedTo(request.ballot)) this.#follower.heard(request.ballot, request.chosenUpTo);
        return reply;
      },
      heartbeat: (request) => {
        const { ballot } = this.#follower;
        // A late one of an older leader, of whose successor this server has no promise yet.
        if (compareBallots(request.ballot, ballot) < 0)
          return Promise.resolve({ kind: 'rejected', promised: ballot });
        const reply = this.#acceptor.heartbeat(request);
        if (reply.kind === 'following') {
          this.#grant.renew(request.ballot.server);
          this.#follower.heard(request.ballot, request.chosenUpTo);
        }
        return Promise.resolve(reply);
      },
      preVote: (request) =>
        Promise.resolve(
          this.#grant.forbids(request.ballot.server)
            ? { kind: 'refused', promised: null }
            : this.#election.preVote(request),
        ),
    };
  }

  #leaderService(): LeaderService {
    return {
      propose: ({ ballot, value, attempt }) => {
        // The call may have come before, to this server's last incarnation.
        if (ballot.round < this.#ids.incarnation) return Promise.resolve({ kind: 'overtaken' });
        // Under another ballot it is another proposal, of which the origin knows that the first one is lost.
        return this.#onceOnly.run(
          { ballot, id: value.id, attempt },
          () => this.#leaderOf(ballot)?.propose(value) ?? Promise.resolve({ kind: 'not-leading' }),
        );
      },
      readIndex: async ({ ballot }) => {
        const index = await this.#leaderOf(ballot)?.readIndex();
        return index === undefined ? { kind: 'not-leading' } : { kind: 'index', ...index };
      },
      takeOver: ({ ballot }) => {
        if (compareBallots(ballot, this.#follower.ballot) === 0) this.#election.takeOver();
        return Promise.resolve({});
      },
    };
  }

  #lead({ ballot, firstSlot, inherited }: Elected): void {
    const noOps = inherited.filter(({ value }) => value.command === null).length;
    this.#environment.trace(() => ({ kind: 'elected', ballot, inherited: inherited.length, noOps }));
    this.#leader?.end({ reason: 'overtaken', by: ballot });
    const leader = new Leader({
      environment: this.#environment,
      settings: this.#settings,
      acceptors: this.#acceptors,
      learner: this.#learner,
      repair: this.#repair,
      ballot,
      firstSlot,
      inheritedSlots: inherited.length,
      onEnd: (end) => {
        this.#onEnd(leader, end);
      },
      roundTrip: this.#roundTrip,
      options: this.#options,
    });
    this.#leader = leader;
    leader.start(inherited);
    this.#follower.heard(ballot, firstSlot - 1);
  }

  #onEnd(leader: Leader, end: End): void {
    if (this.#leader === leader) this.#leader = undefined;
    if (end.reason !== 'overtaken') return;
    this.#election.noteBallot(end.by);
    // Perhaps nobody leads under the higher ballot. Then its acceptor votes for none below it, and is of no use until
    // somebody leads above it.
    this.#election.campaignSoon(this.#options.heartbeatMs);
  }

  #leaderOf(ballot: Ballot): Leader | undefined {
    const leader = this.#leader;
    return leader !== undefined && compareBallots(leader.ballot, ballot) === 0 ? leader : undefined;
  }

  #isPromisedTo(ballot: Ballot): boolean {
    return compareBallots(this.#acceptor.promised, ballot) === 0;
  }

  readonly #repair = (target: Slot): Promise<void> => this.#catchUp.repair(target);
}

/** Multi-Paxos with a stable leader. */
export const multiPaxos: Protocol = {
  name: 'multi-paxos',
  create: (environment, machine, settings) =>
    new MultiPaxosReplica(environment, machine, settings, DEFAULT_OPTIONS),
};
