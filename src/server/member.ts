import type { ApiResult } from '../api/methods';
import type { ServerId } from '../core/ballot';
import type { Dispatch, Environment } from '../core/environment';
import { Unanswered } from '../core/errors';
import type { Protocol, ProtocolSettings, Replica, ReplicaView } from '../core/replica';
import type { Command, Result } from '../kv/commands';
import type { KeyValueStore } from '../kv/store';
import type { AcceptorFaults } from './acceptor-faults';
import { clientApi } from './client-api';
import { Forgetting } from './forgetting';
import { Formation } from './formation';
import type { Identity } from './identity';
import type { Log } from './logging';
import type { ApiHandler } from './rpc-calls';

/** How long a starting server tries at a time to get level with a quorum. */
const CATCH_UP_MS = 2000;
const CHECK_READY_MS = 25;

export interface MemberParts {
  readonly protocol: Protocol;
  readonly settings: ProtocolSettings;
  readonly environment: Environment;
  readonly store: KeyValueStore;
  readonly faults: AcceptorFaults;
  readonly log: Pick<Log, 'level' | 'info' | 'warn'>;
  readonly operationTimeoutMs: number;
  /** Whether the peer answered lately. */
  readonly isReachable: (peer: ServerId) => boolean;
  readonly status: () => ApiResult<'cluster.status'>;
  readonly onRequest: (method: string, outcome: string, durationMs: number) => void;
  /** Hears why the server cannot go on; StartRefused: its cluster must not let it in. */
  readonly onFailed: (error: Error) => void;
}

/**
 * One member of a cluster, from its first hello to its last answer: formation, replica, store and client API. What it
 * knows of sockets, files and time is its Environment, so that the simulator runs the same.
 */
export class Member {
  /** Resolves once the member has joined its cluster and a quorum answers. Never settles if it does not come to that. */
  readonly ready: Promise<void>;
  /** What clients may call. */
  readonly api: ReadonlyMap<string, ApiHandler>;
  readonly #parts: MemberParts;
  readonly #replica: Replica<Command, Result>;
  #becomeReady!: () => void;
  #formation: Formation | undefined;
  #dispatchProtocol: Dispatch = () => Promise.reject(new Unanswered('the server is not listening yet'));
  #notReadyBecause: string | undefined = 'the server is starting';
  #isStopping = false;

  constructor(parts: MemberParts) {
    const { environment, store, faults, log, operationTimeoutMs, status, onRequest } = parts;
    this.#parts = parts;
    this.ready = new Promise((resolve) => (this.#becomeReady = resolve));
    const { transport, clock } = environment;
    this.#replica = parts.protocol.create<Command, Result>(
      {
        ...environment,
        transport: {
          call: (to, method, params, options) => transport.call(to, method, params, options),
          listen: (dispatch) => (this.#dispatchProtocol = dispatch),
        },
      },
      store,
      parts.settings,
    );
    const { random, fail } = environment;
    const replica = this.#replica;
    this.api = clientApi({
      replica,
      store,
      forgetting: new Forgetting({ replica, store, clock, random, fail, timeoutMs: operationTimeoutMs }),
      faults,
      log,
      clock,
      operationTimeoutMs,
      notReadyBecause: () => this.#notReadyBecause,
      status,
      onRequest,
    });
  }

  /** Joins the cluster and takes part; returns at once. */
  start(identity: Identity): void {
    const { environment, log, onFailed } = this.#parts;
    const { self, members, transport, clock } = environment;
    const formation = new Formation({
      self,
      members,
      identity,
      transport,
      clock,
      log,
      onRefused: onFailed,
      fail: environment.fail,
    });
    this.#formation = formation;
    transport.listen((method, params) =>
      method.startsWith('cluster.')
        ? formation.dispatch(method, params)
        : this.#dispatchProtocol(method, params),
    );
    this.#join(formation).catch(onFailed);
  }

  inspect(): ReplicaView {
    return this.#replica.inspect();
  }

  /** Whether this member serves, and a quorum for each phase answers it. */
  readiness(): { ready: boolean; reason: string } {
    if (this.#notReadyBecause !== undefined) return { ready: false, reason: this.#notReadyBecause };
    const { self, members } = this.#parts.environment;
    const answering = members.filter((member) => member === self || this.#parts.isReachable(member));
    const found = new Set(answering);
    const { quorums } = this.#parts.settings;
    // Phase 1 too, also where a leader needs phase 2 only: without phase 1 nobody could take over from it.
    const missing = new Set([
      ...(quorums.isPhase1Quorum(found) ? [] : [quorums.phase1]),
      ...(quorums.isPhase2Quorum(found) ? [] : [quorums.phase2]),
    ]);
    const needed = missing.size === 0 ? '' : `; needed: ${[...missing].join(' and ')}`;
    const reason = `${answering.length} of ${members.length} servers answer${needed}`;
    return { ready: missing.size === 0, reason };
  }

  /** Takes nothing new; gives what is in progress so long to finish. */
  async stop(drainMs: number): Promise<void> {
    const { clock } = this.#parts.environment;
    this.#isStopping = true;
    this.#notReadyBecause = 'the server is stopping';
    this.#formation?.stop();
    const drainUntil = clock.now() + drainMs;
    await this.#replica.handOver();
    while (this.#replica.inspect().pending > 0 && clock.now() < drainUntil) await clock.sleep(10);
    this.#replica.stop();
  }

  async #join(formation: Formation): Promise<void> {
    const { environment, store, log } = this.#parts;
    await formation.join();
    if (this.#isStopping) return;
    await this.#replica.start();
    // So that no read, local ones included, goes back behind what this server showed before it was restarted: what it
    // shows is stored a little later.
    while (!(await this.#replica.catchUp(CATCH_UP_MS))) {
      if (this.#hasStopped()) return;
      this.#notReadyBecause = 'too few servers have answered since the start';
      log.warn('waiting for a quorum, to get level with it', { applied: this.#replica.inspect().applied });
    }
    if (this.#hasStopped()) return;
    this.#notReadyBecause = undefined;
    while (!this.readiness().ready) {
      if (this.#hasStopped()) return;
      await environment.clock.sleep(CHECK_READY_MS);
    }
    log.info('ready', {
      applied: this.#replica.inspect().applied,
      entries: store.size,
      digest: store.digest,
    });
    this.#becomeReady();
  }

  /** Read anew after each await. */
  #hasStopped(): boolean {
    return this.#isStopping;
  }
}
