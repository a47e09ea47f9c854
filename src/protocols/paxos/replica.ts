import type { ServerId, Slot } from '../../core/ballot';
import { Admission } from '../../core/admission';
import type { Environment } from '../../core/environment';
import { OperationError, isFatal } from '../../core/errors';
import { gather } from '../../core/gather';
import type { Json } from '../../core/json';
import type { QuorumSystem } from '../../core/quorum';
import type { Protocol, ProtocolSettings, Replica, ReplicaView } from '../../core/replica';
import { RoundTrip } from '../../core/round-trip';
import { Dispatcher, stub, unreliable } from '../../core/rmi';
import type { StateMachine } from '../../core/state-machine';
import { Acceptor } from './acceptor';
import { CatchUp } from '../log/catch-up';
import { Learner } from '../log/learner';
import { sizeOf } from '../log/log';
import { LEARNER_METHODS, type LearnerService, type Value } from '../log/messages';
import { ACCEPTOR_METHODS, type AcceptorService } from './messages';
import { DEFAULT_OPTIONS, type PaxosOptions } from './options';
import { Proposer, type Outcome } from './proposer';
import { Rounds } from '../log/rounds';
import { ValueIds } from '../log/value-ids';
import { Slots } from './slots';

/**
 * One server of the classroom store: a Proposer, an Acceptor and a Learner, and stubs for the peers' that look the
 * same. Each command is decided by a Paxos instance of its own, a slot of the log.
 */
export class PaxosReplica<Command extends Json, Result> implements Replica<Command, Result> {
  readonly #environment: Environment;
  readonly #options: PaxosOptions;
  readonly #quorums: QuorumSystem;
  readonly #rounds: Rounds;
  readonly #acceptor: Acceptor;
  readonly #acceptors: ReadonlyMap<ServerId, AcceptorService>;
  readonly #learner: Learner<Command, Result>;
  readonly #proposer: Proposer;
  readonly #slots: Slots;
  readonly #catchUp: CatchUp<Command, Result>;
  readonly #dispatcher = new Dispatcher();
  readonly #roundTrip = new RoundTrip();
  readonly #admission: Admission;
  readonly #ids: ValueIds;
  #isFillingHoles = false;
  #stopped = false;

  constructor(
    environment: Environment,
    machine: StateMachine<Command, Result>,
    settings: ProtocolSettings,
    options: PaxosOptions,
  ) {
    const { self, members, transport, storage, clock } = environment;
    this.#environment = environment;
    this.#ids = new ValueIds(self);
    this.#options = options;
    this.#quorums = settings.quorums;
    this.#rounds = new Rounds(storage);
    this.#acceptor = new Acceptor(environment);
    this.#learner = new Learner(environment, machine, options);
    this.#learner.onTruncate((floor) => this.#acceptor.truncate(floor));
    this.#learner.onOffer(() => this.#ids.next());
    this.#admission = new Admission(clock, options);
    this.#slots = new Slots(environment, this.#learner, this.#roundTrip);

    const own = unreliable('acceptor', ACCEPTOR_METHODS, this.#watched(this.#acceptor), environment.faults);
    this.#dispatcher.expose('acceptor', ACCEPTOR_METHODS, own);
    this.#dispatcher.expose('learner', LEARNER_METHODS, this.#learner);
    const acceptors = new Map<ServerId, AcceptorService>();
    const peerLearners = new Map<ServerId, LearnerService>();
    for (const member of members) {
      if (member === self) {
        acceptors.set(self, own);
        continue;
      }
      acceptors.set(member, stub(transport, member, 'acceptor', ACCEPTOR_METHODS, options.callTimeoutMs));
      peerLearners.set(member, stub(transport, member, 'learner', LEARNER_METHODS, options.callTimeoutMs));
    }
    this.#acceptors = acceptors;
    this.#proposer = new Proposer({
      environment,
      settings,
      acceptors,
      learner: this.#learner,
      peerLearners: [...peerLearners.values()],
      rounds: this.#rounds,
      roundTrip: this.#roundTrip,
      options,
    });
    this.#catchUp = new CatchUp({
      environment,
      learner: this.#learner,
      peers: peerLearners,
      roundTrip: this.#roundTrip,
      options,
      fill: (slot) => this.#fill(slot),
      highestAccepted: () => this.#acceptor.highestAcceptedSlot,
    });
  }

  async start(): Promise<void> {
    for (const [key, value] of this.#environment.storage.read()) {
      this.#rounds.recover(key, value);
      this.#acceptor.recover(key, value);
      this.#learner.recover(key, value);
    }
    await this.#learner.recovered();
    await this.#ids.begin(this.#rounds);
    this.#environment.transport.listen(this.#dispatcher.dispatch);
    this.#catchUp.start();
  }

  async submit(command: Command, timeoutMs: number): Promise<Result> {
    if (this.#ids.incarnation === 0) throw new OperationError('not-ready', 'the server is starting');
    const { clock } = this.#environment;
    const deadline = clock.now() + timeoutMs;
    const value: Value = { id: this.#ids.next(), command };
    const weight = sizeOf(value);
    await this.#admission.enter(deadline, weight);
    const expectation = this.#learner.expect(value.id);
    try {
      const slot = await this.#decide(value, deadline);
      // Answered after it is applied, not when it is chosen: with a hole below it, an operation that starts later
      // could still be ordered before it.
      await this.#learner.until(() => this.#learner.applied >= slot, Math.max(0, deadline - clock.now()));
      if (expectation.outcome !== undefined) return expectation.outcome.result;
      const why =
        this.#learner.applied >= slot ? 'its result was lost to a snapshot' : 'it was not applied in time';
      throw new OperationError('outcome-unknown', `the write was chosen in slot ${slot}, but ${why}`);
    } finally {
      expectation.cancel();
      this.#admission.leave(weight, deadline);
    }
  }

  /**
   * A quorum read [Charapko et al., Linearizable Quorum Reads in Paxos, 2019]: every answered write was accepted by a
   * phase-2 quorum, so some member of any phase-1 quorum knows of a slot at least as high. Slots that only have votes are settled too:
   * another read may have seen them chosen.
   */
  async readBarrier(timeoutMs: number): Promise<void> {
    const { clock } = this.#environment;
    const deadline = clock.now() + timeoutMs;
    const highest = await gather<{ slot: Slot }, Slot>({
      members: this.#quorums.members,
      clock,
      resendMs: this.#options.resendMs,
      deadlineMs: timeoutMs,
      ask: (member) => this.#acceptorOf(member).highestAccepted({}),
      decide: (replies) =>
        this.#quorums.isPhase1Quorum(new Set(replies.keys()))
          ? Math.max(...[...replies.values()].map(({ slot }) => slot))
          : undefined,
    });
    if (highest === undefined)
      throw new OperationError('no-quorum', 'too few servers answered the read in time');
    await this.#appliedUpTo(highest, deadline);
  }

  /**
   * As for a read: what this server answered just before it was restarted is perhaps known to nobody as chosen, only
   * as votes.
   */
  async catchUp(timeoutMs: number): Promise<boolean> {
    try {
      await this.readBarrier(timeoutMs);
      return true;
    } catch (error) {
      if (error instanceof OperationError) return false;
      throw error;
    }
  }

  inspect(): ReplicaView {
    return {
      applied: this.#learner.applied,
      highestChosen: this.#learner.highestChosen,
      floor: this.#learner.floor,
      pending: this.#admission.pending,
      highestPromised: this.#acceptor.highestPromised,
      leader: null,
    };
  }

  /** No server does anything for the others. */
  handOver(): Promise<void> {
    return Promise.resolve();
  }

  stop(): void {
    this.#stopped = true;
    this.#catchUp.stop();
  }

  /** One slot after another until the value is chosen in one, which it gives. A slot is left only when another value is chosen in it. */
  async #decide(value: Value, deadline: number): Promise<Slot> {
    for (;;) {
      if (this.#stopped) throw new OperationError('not-ready', 'the server is stopping');
      const slot = this.#slots.claim();
      let outcome: Outcome;
      try {
        outcome = await this.#proposer.propose(slot, value, deadline);
      } finally {
        this.#slots.release(slot);
      }
      if (outcome.kind === 'chosen') {
        if (outcome.value.id === value.id) return slot;
        continue;
      }
      if (outcome.voted) throw new OperationError('outcome-unknown', `slot ${slot} was not decided in time`);
      if (outcome.kind === 'gave-up')
        throw new OperationError('no-quorum', 'too few servers answered in time');
      // Others are far ahead. Without a vote for it the value cannot be in that slot: catch up and go on.
      await this.#appliedUpTo(slot, deadline);
    }
  }

  /** Rejects with OperationError at the deadline, whatever a repair under way still does. */
  async #appliedUpTo(target: Slot, deadline: number): Promise<void> {
    const isThere = (): boolean => this.#learner.applied >= target;
    for (let patienceMs = this.#options.gapMs; !isThere(); patienceMs *= 2) {
      const leftMs = deadline - this.#environment.clock.now();
      if (leftMs <= 0)
        throw new OperationError('no-quorum', `this server could not get level with slot ${target} in time`);
      // What is on its way arrives by itself, mostly; a repair costs messages.
      await this.#learner.until(isThere, Math.min(patienceMs, leftMs));
      if (!isThere()) this.#catchUp.repair(target).catch(this.#environment.fail);
    }
  }

  /** Has the slot decided, by the no-op if nothing else was voted for. With full phase 1: a chosen value is found again. */
  async #fill(slot: Slot): Promise<void> {
    if (!this.#slots.claimIfFree(slot)) return;
    try {
      const deadline = this.#environment.clock.now() + this.#options.phaseTimeoutMs * 2;
      await this.#proposer.propose(slot, { id: this.#ids.next(), command: null }, deadline);
    } finally {
      this.#slots.release(slot);
    }
  }

  /** The own acceptor, watched by whoever picks slots: its requests tell who proposes, and where. */
  #watched(acceptor: Acceptor): AcceptorService {
    return {
      prepare: (request) => {
        this.#slots.see(request.slot);
        if (request.ballot.server !== this.#environment.self) this.#scheduleOwnHoles();
        return acceptor.prepare(request);
      },
      accept: (request) => {
        if (request.value.command !== null) this.#slots.noticeActive(request.ballot.server);
        return acceptor.accept(request);
      },
      highestAccepted: () => acceptor.highestAccepted(),
    };
  }

  /** A server whose turns others wait for, and that has nothing to propose, gives its turns away. */
  #scheduleOwnHoles(): void {
    if (this.#isFillingHoles || this.#stopped) return;
    this.#isFillingHoles = true;
    const delayMs = Math.max(this.#options.ownHoleMs, 2 * this.#roundTrip.meanMs);
    this.#environment.clock.after(delayMs, () => {
      this.#isFillingHoles = false;
      if (this.#stopped) return;
      for (const slot of this.#slots.ownHoles(this.#options.ownHoles))
        this.#fill(slot).catch(this.#failIfFatal);
    });
  }

  readonly #failIfFatal = (error: unknown): void => {
    if (isFatal(error)) this.#environment.fail(error);
  };

  #acceptorOf(member: ServerId): AcceptorService {
    const acceptor = this.#acceptors.get(member);
    if (acceptor === undefined) throw new RangeError(`server ${member} is no member`);
    return acceptor;
  }
}

/** Leaderless Paxos, one instance per operation. */
export const paxos: Protocol = {
  name: 'paxos',
  create: (environment, machine, settings) =>
    new PaxosReplica(environment, machine, settings, DEFAULT_OPTIONS),
};
