import type { ServerId, Slot } from '../../../src/core/ballot';
import type { Environment } from '../../../src/core/environment';
import { RoundTrip } from '../../../src/core/round-trip';
import { type Value } from '../../../src/protocols/log/messages';
import { ACCEPTOR_METHODS } from '../../../src/protocols/paxos/messages';
import type { Outcome, Proposer, ProposerOptions } from '../../../src/protocols/paxos/proposer';
import type { Message, Rule } from '../../../src/simulation/network';
import { Host } from '../../../src/simulation/host';
import { virtualWorld, type World } from '../../../src/simulation/world';
import type { Code } from './code';

/** The acceptors of the schedules. */
export const [A, B, C, D, E] = [0, 1, 2, 3, 4] as const;

/** The proposers, each on a machine of its own, so that every call to an acceptor crosses the network. */
export const [P1, P2, P3, P4] = [11, 12, 13, 14] as const;

const OPTIONS: ProposerOptions = { resendMs: 1e6, phaseTimeoutMs: 1e6, backOffBaseMs: 1, backOffCapMs: 1 };
const CALL_TIMEOUT_MS = 1e6;

/** Commands of schedules are short names. */
export function valueOf(name: string): Value {
  return { id: name, command: name };
}

/** A proposal under way. */
export interface Proposal {
  outcome: Outcome | undefined;
}

export interface Reach {
  readonly prepare?: readonly ServerId[];
  readonly accept?: readonly ServerId[];
}

/** The acceptors that a proposer reaches in each phase; to all others its messages are lost. */
export function reach({ prepare = [], accept = [] }: Reach): Rule {
  const reached = { 'acceptor.prepare': prepare, 'acceptor.accept': accept };
  return ({ kind, method, to }) => {
    if (kind === 'reply') return 'deliver';
    return reached[method as keyof typeof reached].includes(to) ? 'deliver' : 'drop';
  };
}

/** The rule, but messages that match wait until they are released. */
export function holding(matches: (message: Message) => boolean, rule: Rule): Rule {
  return (message) => (matches(message) ? 'hold' : rule(message));
}

/** Acceptors and proposers as the papers draw them, on machines of their own: a schedule says who reaches whom. */
export class Bench {
  readonly world: World;
  readonly #code: Code;
  readonly #hosts = new Map<ServerId, Host>();
  readonly #proposers = new Map<ServerId, Promise<Proposer>>();
  readonly #options: ProposerOptions;
  /** Of the proposers that are started from now on. */
  quorums: string;

  constructor(
    code: Code,
    parts: { acceptors?: number; quorums?: string; options?: Partial<ProposerOptions> } = {},
  ) {
    this.#code = code;
    this.#options = { ...OPTIONS, ...parts.options };
    const acceptors = Array.from({ length: parts.acceptors ?? 3 }, (_, id) => id);
    this.quorums = parts.quorums ?? 'majority';
    this.world = virtualWorld(acceptors, 1, undefined, this.quorums);
    for (const id of acceptors) this.#bootAcceptor(id);
  }

  host(id: ServerId): Host {
    let host = this.#hosts.get(id);
    if (host === undefined) this.#hosts.set(id, (host = new Host(this.world, id)));
    return host;
  }

  /** Crashes the server, which loses what it had not synced, and starts it again. */
  restart(id: ServerId): void {
    this.host(id).crash();
    if (this.world.members.includes(id)) this.#bootAcceptor(id);
    else this.#proposers.delete(id);
  }

  /** Begins to propose under this rule of the network, lets it settle, and leaves the rule in force. */
  async propose(
    proposer: ServerId,
    slot: Slot,
    value: Value,
    rule: Reach | Rule,
    deadlineMs = 1e6,
  ): Promise<Proposal> {
    this.world.network.rule = typeof rule === 'function' ? rule : reach(rule);
    const proposal: Proposal = { outcome: undefined };
    let booted = this.#proposers.get(proposer);
    if (booted === undefined) this.#proposers.set(proposer, (booted = this.#bootProposer(proposer)));
    const deadline = this.world.time.now + deadlineMs;
    booted
      .then((started) => started.propose(slot, value, deadline))
      .then(
        (outcome) => {
          proposal.outcome = outcome;
        },
        (error: unknown) => {
          this.world.observer.unexpected(proposer, error);
        },
      );
    await this.settle();
    return proposal;
  }

  /** Time enough for everything that is on its way, and too little for resends. */
  settle(): Promise<void> {
    return this.world.time.run(30);
  }

  /** Delivers held messages and lets them take effect. Fails when there are none: then the schedule is not the one meant. */
  async release(matches?: (message: Message) => boolean): Promise<void> {
    if (this.world.network.release(matches) === 0) throw new Error('there was nothing to release');
    await this.settle();
  }

  #bootAcceptor(id: ServerId): void {
    const environment = this.host(id).boot();
    const acceptor = new this.#code.Acceptor(environment);
    for (const [key, value] of environment.storage.read()) acceptor.recover(key, value);
    const dispatcher = new this.#code.Dispatcher();
    dispatcher.expose('acceptor', ACCEPTOR_METHODS, acceptor);
    environment.transport.listen(dispatcher.dispatch);
  }

  async #bootProposer(id: ServerId): Promise<Proposer> {
    const environment = this.host(id).boot();
    const rounds = new this.#code.Rounds(environment.storage);
    for (const [key, value] of environment.storage.read()) rounds.recover(key, value);
    const { Proposer, parseQuorums } = this.#code;
    return Promise.resolve(
      new Proposer({
        environment,
        settings: { quorums: parseQuorums(this.quorums, this.world.members), thrifty: false },
        acceptors: this.#acceptors(environment),
        learner: this.#ignorantLearner(environment),
        peerLearners: [],
        rounds,
        roundTrip: new RoundTrip(),
        options: this.#options,
      }),
    );
  }

  #acceptors(environment: Environment): ConstructorParameters<typeof Proposer>[0]['acceptors'] {
    const { transport } = environment;
    return new Map(
      this.world.members.map((member) => [
        member,
        this.#code.stub(transport, member, 'acceptor', ACCEPTOR_METHODS, CALL_TIMEOUT_MS),
      ]),
    );
  }

  /** Tells a proposer nothing, as if every announcement were lost. */
  #ignorantLearner({ clock }: Environment): ConstructorParameters<typeof Proposer>[0]['learner'] {
    return {
      chosenIn: () => undefined,
      knows: () => false,
      learn: () => Promise.resolve(null),
      until: (_, delayMs) => clock.sleep(delayMs),
    };
  }
}
