import type { ServerId } from '../../src/core/ballot';
import type { Environment } from '../../src/core/environment';
import type { Replica } from '../../src/core/replica';
import type { StateMachine } from '../../src/core/state-machine';
import { LogMachine } from './log-machine';
import { Host } from '../../src/simulation/host';
import { virtualWorld, type World } from '../../src/simulation/world';

export type CreateReplica = (
  environment: Environment,
  machine: StateMachine<string, number>,
) => Replica<string, number>;

/** How an operation came out for its client. */
export type Outcome =
  | { readonly kind: 'done'; readonly position: number }
  | {
      readonly kind: 'failed';
      readonly failure: string;
      readonly definite: boolean;
      readonly message: string;
    }
  | { readonly kind: 'connection lost' };

/** A write, and when it began and ended on a clock that ticks at every begin and end. */
export interface Operation {
  readonly command: string;
  readonly server: ServerId;
  readonly begin: number;
  end: number;
  outcome: Outcome | undefined;
}

interface Running {
  readonly replica: Replica<string, number>;
  readonly machine: LogMachine;
}

/** Whole replicas in a test world, and the clients that use them. */
export class Cluster {
  readonly world: World;
  readonly hosts: readonly Host[];
  readonly operations: Operation[] = [];
  readonly #create: CreateReplica;
  readonly #running = new Map<ServerId, Running>();
  #ticks = 0;

  constructor(create: CreateReplica, servers: number, seed: number, quorums = 'majority') {
    this.#create = create;
    this.world = virtualWorld(
      Array.from({ length: servers }, (_, id) => id),
      seed,
      undefined,
      quorums,
    );
    this.hosts = this.world.members.map((id) => new Host(this.world, id));
  }

  get upServers(): ServerId[] {
    return this.world.members.filter((id) => this.hosts[id]!.isUp);
  }

  get pending(): number {
    return this.operations.filter((operation) => operation.outcome === undefined).length;
  }

  replica(server: ServerId): Replica<string, number> {
    return this.#of(server).replica;
  }

  log(server: ServerId): readonly string[] {
    return this.#of(server).machine.log;
  }

  start(...servers: ServerId[]): void {
    for (const server of servers) {
      const environment = this.hosts[server]!.boot();
      const machine = new LogMachine(server, this.world.observer);
      const replica = this.#create(environment, machine);
      this.#running.set(server, { replica, machine });
      replica.start().catch((error: unknown) => {
        this.world.observer.unexpected(server, error);
      });
    }
  }

  startAll(): void {
    this.start(...this.world.members);
  }

  /** The clients of a crashed server see their connections break. Gives the number of writes the disk lost. */
  crash(server: ServerId, keptWrites = 0): number {
    const lost = this.hosts[server]!.crash(keptWrites);
    this.#running.delete(server);
    for (const operation of this.operations)
      if (operation.server === server) this.#end(operation, { kind: 'connection lost' });
    return lost;
  }

  submit(server: ServerId, command: string, timeoutMs = 5000): Operation {
    const operation: Operation = { command, server, begin: ++this.#ticks, end: Infinity, outcome: undefined };
    this.operations.push(operation);
    this.replica(server)
      .submit(command, timeoutMs, false)
      .then(
        (position) => {
          this.#end(operation, { kind: 'done', position });
        },
        (error: unknown) => {
          this.#end(operation, this.#failure(server, error));
        },
      );
    return operation;
  }

  /** Tells the operation's outcome once it is there; fails if it is not within `limitMs`. */
  async outcomeOf(operation: Operation, limitMs = 60_000): Promise<Outcome> {
    const ended = await this.world.time.runUntil(() => operation.outcome !== undefined, limitMs);
    if (!ended) this.world.observer.fail('never answered', operation.command);
    this.world.observer.check();
    return operation.outcome!;
  }

  /** A linearizable read at `server`: the log as of some moment between call and return. */
  async read(server: ServerId, timeoutMs = 5000): Promise<readonly string[]> {
    await this.world.time.settled(this.replica(server).readBarrier(timeoutMs), timeoutMs * 2);
    return [...this.log(server)];
  }

  catchUp(server: ServerId, timeoutMs: number): Promise<boolean> {
    return this.world.time.settled(this.replica(server).catchUp(timeoutMs), timeoutMs * 2);
  }

  /** Whether all servers that are up get to the same log, with everything in it that ever took effect. */
  async settles(limitMs: number): Promise<boolean> {
    const full = this.world.observer;
    return this.world.time.runUntil(
      () =>
        this.pending === 0 && this.upServers.every((server) => this.log(server).length === full.log.length),
      limitMs,
    );
  }

  /** Holds what the clients were told against what happened. To be called once all has settled. */
  checkOutcomes(): void {
    const { observer } = this.world;
    this.#checkRealTime();
    for (const { command, outcome } of this.operations) {
      const position = observer.positionOf(command);
      if (outcome?.kind === 'done' && position === undefined)
        observer.fail('answered but lost', `${command} is in no log`);
      else if (outcome?.kind === 'done' && outcome.position !== position)
        observer.fail('wrong result', `${command} is at ${String(position)}, not ${outcome.position}`);
      else if (outcome?.kind === 'failed' && outcome.definite && position !== undefined)
        observer.fail('failed but took effect', `${command}: ${outcome.message}`);
    }
    observer.check();
  }

  /** The log orders no operation before one that was answered before it began. */
  #checkRealTime(): void {
    const { observer } = this.world;
    const positioned = this.operations
      .map((operation) => ({ operation, position: observer.positionOf(operation.command) }))
      .filter((entry): entry is { operation: Operation; position: number } => entry.position !== undefined)
      .sort((a, b) => b.position - a.position);
    let earliestEnd = Infinity;
    let ended = '';
    for (const { operation } of positioned) {
      if (operation.begin > earliestEnd)
        observer.fail('real-time order broken', `${operation.command} is before ${ended}, answered earlier`);
      if (operation.outcome?.kind === 'done' && operation.end < earliestEnd) {
        earliestEnd = operation.end;
        ended = operation.command;
      }
    }
  }

  #end(operation: Operation, outcome: Outcome): void {
    if (operation.outcome !== undefined) return;
    operation.outcome = outcome;
    operation.end = ++this.#ticks;
  }

  #failure(server: ServerId, error: unknown): Outcome {
    const { name, message, failure, definite } = error as Error & { failure: string; definite: boolean };
    if (name !== 'OperationError') this.world.observer.unexpected(server, error);
    return { kind: 'failed', failure, definite, message };
  }

  #of(server: ServerId): Running {
    const running = this.#running.get(server);
    if (running === undefined) throw new Error(`server ${server} is down`);
    return running;
  }
}
