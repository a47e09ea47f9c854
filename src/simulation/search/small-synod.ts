import { formatBallot, type Ballot, type ServerId } from '../../core/ballot';
import type { Change, Environment } from '../../core/environment';
import { Majority } from '../../core/quorum';
import { Dispatcher, stub } from '../../core/rmi';
import { RoundTrip } from '../../core/round-trip';
import type { StateMachine } from '../../core/state-machine';
import { Acceptor } from '../../protocols/paxos/acceptor';
import { Learner } from '../../protocols/log/learner';
import { LEARNER_METHODS, type Value } from '../../protocols/log/messages';
import { ACCEPTOR_METHODS } from '../../protocols/paxos/messages';
import { Proposer } from '../../protocols/paxos/proposer';
import { Rounds } from '../../protocols/log/rounds';
import { Host } from '../host';
import type { Message } from '../network';
import type { Place } from '../virtual-time';
import { World } from '../world';
import { Choices, type Limits } from './choices';
import type { System } from './run';

/** How large the configuration is, and what may happen in it. */
export interface Shape extends Limits {
  readonly acceptors: number;
  readonly proposers: number;
  /** Whether the silent are asked again, which takes a timer. */
  readonly resends: boolean;
  /** Whether the last proposer fills the slot with the no-op. */
  readonly noop: boolean;
}

const SLOT = 1;
const FIRST_PROPOSER = 11;
const RESEND_MS = 100;
const PHASE_TIMEOUT_MS = 1000;
const BACK_OFF_MS = 1;
const LEARNER_OPTIONS = {
  log: { slots: 10, characters: 1000 },
  offeredLog: { slots: 10, characters: 1000 },
  checkpointSlots: 1,
  storesChosen: true,
  pieceSlots: 10,
  pieceCharacters: 1000,
};

/** A: the first acceptor. P1, which signs its ballots with 11: the first proposer. */
function nameOf(place: Place): string {
  if (place >= FIRST_PROPOSER) return `P${place - FIRST_PROPOSER + 1}`;
  return String.fromCharCode('A'.charCodeAt(0) + place);
}

function describeMessage({ from, to, kind, method, params }: Message): string {
  const { ballot, value } = params as { ballot?: Ballot; value?: Value };
  const verb = method.slice(method.indexOf('.') + 1);
  const what = [verb, ballot && formatBallot(ballot), value?.id].filter(Boolean).join(' ');
  const whose = `${nameOf(from)}'s ${kind === 'request' ? what : `answer to ${what}`}`;
  return `${whose} reaches ${nameOf(to)}`;
}

function describeWrite(place: Place, changes: readonly Change[]): string {
  const keys = changes.map(({ key }) => key.split('/').slice(0, 2).join(' '));
  return `${nameOf(place)}'s write of ${keys.join() || 'nothing new'} is durable`;
}

/** Nothing is ever read from a slot here. */
const MACHINE: StateMachine<string, null> = {
  apply: () => null,
  takeChanges: () => [],
  snapshot: () => [],
  restore: () => undefined,
};

/**
 * One synod as the papers draw it: proposers that each want their own value chosen in the same slot, and acceptors, all
 * on machines of their own. Every message, write and timer is a choice; loss is a message never chosen.
 *
 * What learners store is left out, as if a crash always came before it was durable: they may lose it.
 */
export class SmallSynod implements System {
  readonly choices: Choices;
  readonly #shape: Shape;
  readonly #world: World<Choices>;
  readonly #proposers: readonly ServerId[];
  readonly #learners = new Map<ServerId, Learner<string, null>>();
  readonly #outcomes = new Map<ServerId, string>();
  readonly #incarnations = new Map<ServerId, number>();

  constructor(shape: Shape) {
    this.#shape = shape;
    const acceptors = Array.from({ length: shape.acceptors }, (_, id) => id);
    this.#proposers = Array.from({ length: shape.proposers }, (_, index) => FIRST_PROPOSER + index);
    this.#world = new World(acceptors, 1, (afterEach) => new Choices(shape, nameOf, afterEach));
    this.choices = this.#world.time;
    this.#world.network.rule = (message) => {
      // Nobody reads the answers of learners: whether they arrive makes no difference.
      if (message.kind === 'reply' && message.method === 'learner.learn') return 'drop';
      this.choices.describeNext(() => describeMessage(message));
      return 'deliver';
    };
    for (const id of acceptors) this.#start(id, this.#bootAcceptor);
    for (const id of this.#proposers) this.#start(id, this.#bootProposer);
  }

  get hasChosen(): boolean {
    return this.#world.observer.chosenSlots > 0;
  }

  get outcome(): string {
    const heard = this.#proposers.map((id) => `${nameOf(id)} ${this.#outcomes.get(id) ?? 'undecided'}`);
    return heard.join(', ');
  }

  /** Something went wrong that should not have, at nobody knows which of the machines. */
  unexpected(error: unknown): void {
    this.#world.observer.fail('unexpected error', error instanceof Error ? error.message : String(error));
  }

  /** Whoever believes a value chosen believes the chosen one. */
  finish(): void {
    const { observer } = this.#world;
    for (const [id, learner] of this.#learners) {
      const beliefs = [this.#outcomes.get(id), learner.chosenIn(SLOT)?.id];
      for (const value of beliefs)
        if (value !== undefined) observer.see(id, { kind: 'learned', slot: SLOT, value });
    }
    observer.check();
  }

  #start(id: ServerId, boot: (environment: Environment) => void): void {
    const host = new Host(this.#world, id);
    const start = (): void => {
      const environment = host.boot();
      this.choices.offerCrash(
        id,
        () => `${nameOf(id)} crashes and starts again`,
        () => {
          host.crash();
          this.choices.forget(id);
          start();
        },
      );
      const { storage } = environment;
      boot.call(this, {
        ...environment,
        storage: {
          ...storage,
          defer: () => undefined,
          write: (changes) => {
            this.choices.describeNext(() => describeWrite(id, changes));
            return storage.write(changes);
          },
        },
      });
    };
    start();
  }

  #bootAcceptor(environment: Environment): void {
    const acceptor = new Acceptor(environment);
    for (const [key, value] of environment.storage.read()) acceptor.recover(key, value);
    const dispatcher = new Dispatcher();
    dispatcher.expose('acceptor', ACCEPTOR_METHODS, acceptor);
    environment.transport.listen(dispatcher.dispatch);
  }

  #bootProposer(environment: Environment): void {
    const { self, storage, transport } = environment;
    const rounds = new Rounds(storage);
    for (const [key, value] of storage.read()) rounds.recover(key, value);
    const learner = new Learner(environment, MACHINE, LEARNER_OPTIONS);
    this.#learners.set(self, learner);
    const dispatcher = new Dispatcher();
    dispatcher.expose('learner', LEARNER_METHODS, learner);
    transport.listen(dispatcher.dispatch);
    const { members } = this.#world;
    const proposer = new Proposer({
      environment,
      settings: { quorums: new Majority(members), thrifty: false },
      acceptors: new Map(
        members.map((member) => [member, stub(transport, member, 'acceptor', ACCEPTOR_METHODS, Infinity)]),
      ),
      learner,
      peerLearners: this.#proposers
        .filter((peer) => peer !== self)
        .map((peer) => stub(transport, peer, 'learner', LEARNER_METHODS, Infinity)),
      rounds,
      roundTrip: new RoundTrip(),
      options: {
        resendMs: this.#shape.resends ? RESEND_MS : Infinity,
        phaseTimeoutMs: PHASE_TIMEOUT_MS,
        backOffBaseMs: BACK_OFF_MS,
        backOffCapMs: BACK_OFF_MS,
      },
    });
    this.#propose(self, proposer);
  }

  /** A proposer that was started again has another value: it does not remember the first. */
  #propose(id: ServerId, proposer: Proposer): void {
    const incarnation = (this.#incarnations.get(id) ?? 0) + 1;
    this.#incarnations.set(id, incarnation);
    this.#outcomes.delete(id);
    const isNoop = this.#shape.noop && id === this.#proposers.at(-1);
    const name = `${isNoop ? 'noop' : 'v'}${id - FIRST_PROPOSER + 1}${incarnation > 1 ? `.${incarnation}` : ''}`;
    proposer.propose(SLOT, { id: name, command: isNoop ? null : name }, Infinity).then(
      (outcome) => {
        if (this.#incarnations.get(id) !== incarnation) return;
        if (outcome.kind === 'chosen') this.#outcomes.set(id, outcome.value.id);
        else this.#world.observer.fail('gave up', `${nameOf(id)} has no deadline`);
      },
      (error: unknown) => {
        this.#world.observer.unexpected(id, error);
      },
    );
  }
}
