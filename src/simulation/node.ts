import type { ApiResult } from '../api/methods';
import type { ServerId } from '../core/ballot';
import type { Random } from '../core/environment';
import type { Protocol, ProtocolSettings, ReplicaView } from '../core/replica';
import type { SessionLimits } from '../kv/sessions';
import type { ProtocolName } from '../protocols/registry';
import { AcceptorFaults } from '../server/acceptor-faults';
import { ApiError } from '../server/api-error';
import { StartRefused } from '../server/configuration';
import { Identity } from '../server/identity';
import { Member } from '../server/member';
import { statusOf } from '../server/status';
import { Host } from './host';
import type { Oracle } from './oracle';
import { watchReachability } from './reachability';
import type { StateWatch } from './state-watch';
import { WatchedStore } from './watched-store';
import type { World } from './world';

/** From a failed sync to the end of the process. */
const STOPPING_MS = 1;
const SILENT = { level: 'error', info: () => undefined, warn: () => undefined } as const;

export interface NodeParts {
  readonly world: World;
  readonly id: ServerId;
  readonly oracle: Oracle;
  readonly protocol: Protocol;
  readonly settings: ProtocolSettings;
  readonly protocolName: ProtocolName;
  readonly operationTimeoutMs: number;
  readonly acceptorFailure: number;
  readonly digestSlots: number;
  /** Left out: as shipped. */
  readonly sessionLimits?: SessionLimits | undefined;
  /** Left out: nobody looks at what it keeps, and its store begins empty. */
  readonly watch?: StateWatch;
  readonly random: Random;
}

/** One server of the simulated cluster: a machine, and on it, from start to crash, all that a real server runs behind its sockets. */
export class Node {
  readonly id: ServerId;
  readonly host: Host;
  readonly faults: AcceptorFaults;
  readonly #parts: NodeParts;
  readonly #crashListeners = new Set<() => void>();
  readonly #diskFailedListeners = new Set<() => void>();
  #member: Member | undefined;
  #store: WatchedStore | undefined;
  #incarnation = 0;
  #disks = 0;
  /** Linearizable reads under way. */
  #barriers = 0;
  #isWiped = false;
  /** Why the cluster does not let it in, once it said so. */
  refusal: string | undefined;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.host = new Host(parts.world, parts.id);
    this.faults = new AcceptorFaults(parts.random, parts.acceptorFailure);
    // Until it has stopped, what runs may react to the failure; it must say nothing that it cannot keep.
    this.host.disk.onFailed = () => {
      const { incarnation } = this;
      for (const listener of [...this.#diskFailedListeners]) listener();
      parts.world.time.after(STOPPING_MS, () => {
        if (this.incarnation === incarnation && this.isUp) this.crash(0);
      });
    };
  }

  get isUp(): boolean {
    return this.host.isUp;
  }

  get isWiped(): boolean {
    return this.#isWiped;
  }

  /** Counts the starts. */
  get incarnation(): number {
    return this.#incarnation;
  }

  /** What its replica tells of itself; undefined while it is down. */
  get view(): ReplicaView | undefined {
    return this.#member?.inspect();
  }

  /** Undefined while it is down. */
  get applied(): number | undefined {
    return this.view?.applied;
  }

  get digest(): string | undefined {
    return this.#store?.digest;
  }

  /** All of the store, entries and sessions, as one text. */
  get state(): string {
    const records = this.#store?.snapshot() ?? [];
    return JSON.stringify([...records].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Whether it has joined the cluster in this incarnation, and a client would not be told to wait. */
  get isServing(): boolean {
    return this.isUp && this.#member?.readiness().ready === true;
  }

  start(): void {
    if (this.isUp) return;
    if (this.#incarnation++ > 0) void this.#parts.watch?.rehearse(this);
    const { world, oracle, protocol, settings, protocolName } = this.#parts;
    const booted = this.host.boot();
    const { transport, health } = watchReachability(booted);
    const environment = { ...booted, transport, faults: this.faults };
    const startedAt = world.time.now;
    const { watch, digestSlots, sessionLimits } = this.#parts;
    const store = new WatchedStore(this.id, oracle, digestSlots, sessionLimits, watch?.state.initial);
    store.onRestore = () => {
      if (this.#member !== undefined && (this.applied ?? 0) > 0) watch?.installs(this, store.snapshot());
    };
    const isCurrent = (): boolean => this.#store === store;
    const fail = (error: unknown): void => {
      if (!isCurrent()) return;
      if (error instanceof StartRefused) this.#refused(error.message);
      else world.observer.unexpected(this.id, error);
      this.crash(0);
    };
    const configuration = {
      id: this.id,
      cluster: 'simulated',
      servers: world.members.map((port) => ({ host: 'simulated', port })),
      protocol: protocolName,
      quorums: settings.quorums.name,
    };
    const member: Member = new Member({
      protocol,
      settings,
      environment,
      store,
      faults: this.faults,
      log: SILENT,
      operationTimeoutMs: this.#parts.operationTimeoutMs,
      isReachable: (peer) => health(peer).view().reachable,
      status: () => {
        const status = statusOf({
          ...{ configuration, settings, member, store, faults: this.faults },
          isReady: member.readiness().ready,
          health: (peer) => health(peer).view(),
          isDurable: true,
          uptimeMs: world.time.now - startedAt,
        });
        // Clients know the servers by their numbers.
        return { ...status, members: status.members.map(({ id }) => ({ id, address: String(id) })) };
      },
      onRequest: () => undefined,
      onFailed: fail,
    });
    this.#store = store;
    this.#member = member;
    const names = {
      newDisk: () => `disk ${this.id}.${++this.#disks}`,
      run: `run ${this.id}.${this.#incarnation}`,
    };
    Identity.open(environment.storage, configuration, store.digest, names).then((identity) => {
      if (isCurrent()) member.start(identity);
    }, fail);
  }

  /** Ends what runs at once; keeps the first unsynced writes. Gives the number of writes that the disk lost. */
  crash(keptWrites: number): number {
    const lost = this.host.crash(keptWrites);
    this.#member = undefined;
    this.#store = undefined;
    this.#barriers = 0;
    for (const listener of [...this.#crashListeners]) listener();
    return lost;
  }

  /** Ends what runs in good order, which takes up to about twice `drainMs`. `onStopped` is not called if it crashes before. */
  stop(drainMs: number, onStopped: () => void): void {
    const member = this.#member;
    const { observer } = this.#parts.world;
    if (member === undefined) return;
    member.stop(drainMs).then(
      () => {
        if (this.#member !== member) return;
        this.crash(this.host.disk.pendingWrites);
        onStopped();
      },
      (error: unknown) => {
        observer.unexpected(this.id, error);
      },
    );
  }

  /** Crashes, and stands there with an empty disk. */
  wipe(): void {
    this.crash(0);
    this.host.disk.wipe();
    this.#isWiped = true;
  }

  /** Calls `listener` when the server crashes, until cancelled: its connections break. */
  onCrash(listener: () => void): () => void {
    this.#crashListeners.add(listener);
    return () => this.#crashListeners.delete(listener);
  }

  /** Calls `listener` when a sync fails, until cancelled. */
  onDiskFailed(listener: () => void): () => void {
    this.#diskFailedListeners.add(listener);
    return () => this.#diskFailedListeners.delete(listener);
  }

  /** Whoever has its disk is welcome. */
  #refused(why: string): void {
    const { world } = this.#parts;
    this.refusal = why;
    if (!this.#isWiped) world.observer.fail('refused without reason', `server ${this.id}: ${why}`);
  }

  /** Answers a client's call with a text; never settles if the server crashes before. */
  async call(method: string, params: unknown): Promise<string> {
    const member = this.#member;
    const handler = member?.api.get(method);
    if (member === undefined || handler === undefined) throw new Error(`no method ${method}`);
    const isBarrier = (params as { readonly read?: string }).read === 'linearizable';
    if (isBarrier) this.#beginBarrier();
    let answer: { readonly result: unknown } | { readonly error: object };
    try {
      answer = { result: await handler(params) };
    } catch (error) {
      if (!(error instanceof ApiError)) {
        if (this.#member === member) this.#parts.world.observer.unexpected(this.id, error);
        return await new Promise<never>(() => undefined);
      }
      answer = { error: error.toJSON() };
    } finally {
      if (isBarrier) this.#barriers--;
    }
    if (this.#member !== member) return await new Promise<never>(() => undefined);
    if (method === 'kv.get' || method === 'kv.list') this.#parts.oracle.showed(this.id, answer);
    if (method === 'cluster.status' && 'result' in answer) {
      this.#parts.world.load.count('status told');
      this.#parts.world.status.told(this.id, this.#incarnation, answer.result as ApiResult<'cluster.status'>);
    }
    return JSON.stringify(answer);
  }

  #beginBarrier(): void {
    const { load } = this.#parts.world;
    this.#barriers++;
    load.peak('linearizable reads at one server at a time', this.#barriers);
    if (this.#barriers > 1) load.count('linearizable read beside another at its server');
  }
}
