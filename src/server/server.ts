import { randomInt, randomUUID } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';
import type { ApiResult } from '../api/methods';
import type { ServerId } from '../core/ballot';
import { isFatal } from '../core/errors';
import { parseQuorums } from '../core/quorum';
import type { LeaderLease, ProtocolSettings } from '../core/replica';
import { SeededRandom } from '../core/random';
import { SESSION_LIMITS } from '../kv/sessions';
import { KeyValueStore } from '../kv/store';
import type { Credentials } from '../network/handshake';
import { JsonRpcTransport } from '../network/json-rpc-transport';
import { PROTOCOLS } from '../protocols/registry';
import { VERSION } from '../version';
import { AcceptorFaults } from './acceptor-faults';
import { agreementOf } from './agreement';
import { realClock } from '../real-clock';
import { Callers } from './callers';
import { StartRefused, type ServerConfiguration } from './configuration';
import { formatAddress } from '../network/address';
import { closeGracefully, connectionsOf, createHttpServer, listen } from './http';
import { Identity } from './identity';
import { Log } from './logging';
import { Member } from './member';
import { Metrics } from './metrics';
import { readPrepopulate } from './prepopulate-file';
import { hostsOf } from './hosts';
import { Refusals } from './refusals';
import { RpcCalls } from './rpc-calls';
import { RpcEndpoint } from './rpc-endpoint';
import { RpcSockets } from './rpc-sockets';
import { SelfCheck } from './self-check';
import { statusOf } from './status';
import { openStorage, type ServerStorage } from './storage';

/** How long a stopping server waits for the operations in progress. */
const DRAIN_MS = 1000;
const CLOSE_MS = 300;

/** One server, from the bound port to the closed data file. */
export class RunningServer {
  /** Resolves once the server has joined its cluster and a quorum answers. Never settles if it does not come to that. */
  readonly ready: Promise<void>;
  /** Resolves with the reason when the server cannot go on; StartRefused: its cluster must not let it in. */
  readonly failed: Promise<Error>;
  readonly log: Log;
  readonly #configuration: ServerConfiguration;
  readonly #settings: ProtocolSettings;
  readonly #storage: ServerStorage;
  readonly #store: KeyValueStore;
  readonly #faults: AcceptorFaults;
  readonly #metrics: Metrics;
  readonly #credentials: Credentials;
  readonly #refusals = new Refusals(realClock, (message, reason) => {
    this.log.warn(message, { reason });
  });
  readonly #transport: JsonRpcTransport;
  readonly #member: Member;
  readonly #startedAt = performance.now();
  readonly #selfCheck = new SelfCheck({
    isListening: () => this.#http?.listening ?? false,
    onExhausted: () => {
      if (this.#http !== undefined) connectionsOf(this.#http).makeWay();
    },
    onBlocked: (blockedMs) => {
      this.log.warn('event loop blocked', { blockedMs: Math.round(blockedMs) });
    },
  });
  #http: HttpServer | undefined;
  #sockets: RpcSockets | undefined;
  #fail!: (error: Error) => void;
  #stopping: Promise<void> | undefined;

  constructor(configuration: ServerConfiguration, store: KeyValueStore, storage: ServerStorage) {
    const { id, servers, protocol, token, cluster } = configuration;
    this.#configuration = configuration;
    const members = servers.map((_, member) => member);
    this.#settings = {
      quorums: parseQuorums(configuration.quorums, members),
      thrifty: configuration.thrifty,
      lease: leaseOf(configuration),
    };
    this.#store = store;
    this.#storage = storage;
    this.log = new Log(id, configuration.logLevel, configuration.logFormat);
    this.failed = new Promise((resolve) => (this.#fail = resolve));
    void storage.failed.then(this.#fail);
    process.on('unhandledRejection', this.#onUnhandled);

    const random = new SeededRandom(randomInt(2 ** 32));
    this.#faults = new AcceptorFaults(random.fork('faults'), configuration.acceptorFailure);
    this.#metrics = new Metrics({
      version: VERSION,
      protocol,
      replica: () => this.#member.inspect(),
      entries: () => store.size,
      isReady: () => this.#readiness().ready,
      selfCheck: this.#selfCheck,
      acceptorFailure: () => this.#faults.acceptorFailure,
      unansweredAcceptorCalls: () => this.#faults.unanswered,
    });
    this.#credentials = { self: id, cluster, token, agreement: agreementOf(configuration) };
    const peers = servers.map((address, peer) => ({ id: peer, origin: `http://${formatAddress(address)}` }));
    this.#transport = new JsonRpcTransport(
      peers.filter((peer) => peer.id !== id),
      this.#credentials,
      this.#metrics,
      (peer, refusal) => {
        this.#refusals.note(`no connection to server ${peer}`, refusal);
      },
    );
    this.#member = new Member({
      protocol: PROTOCOLS[protocol],
      settings: this.#settings,
      environment: {
        self: id,
        members,
        clock: realClock,
        random: random.fork('protocol'),
        transport: this.#transport,
        storage,
        faults: this.#faults,
        fail: (error) => {
          this.#fail(error instanceof Error ? error : new Error(String(error)));
        },
        trace: this.log.trace,
      },
      store,
      faults: this.#faults,
      log: this.log,
      operationTimeoutMs: configuration.operationTimeoutMs,
      isReachable: (peer) => this.#transport.health(peer).reachable,
      status: () => this.#status(),
      onRequest: (method, outcome, durationMs) => {
        this.#metrics.request(method, outcome, durationMs);
      },
      onFailed: this.#fail,
    });
    this.ready = this.#member.ready;
  }

  /** Binds the port and opens the data. Rejects with StartRefused; then nothing is left open. */
  async open(): Promise<void> {
    const { id, servers, host } = this.#configuration;
    const own = servers[id];
    if (own === undefined) throw new StartRefused(`there is no server ${id} in the list`);
    const onUnexpected = (error: unknown): void => {
      this.#onUnexpected(error);
    };
    const calls = new RpcCalls({
      api: this.#member.api,
      peers: (method, params) => this.#transport.dispatch(method, params),
      onUnexpected,
      onMessage: (direction, method, kind) => {
        this.#metrics.message(direction, method, kind, 0);
      },
    });
    const hosts = hostsOf(this.#configuration);
    const callers = new Callers({ hosts });
    const endpoint = new RpcEndpoint({ calls, callers, onUnexpected });
    const onMet = (caller: ServerId, refusal: string | undefined): void => {
      this.#refusals.note(`no connection from server ${caller}`, refusal);
    };
    const credentials = this.#credentials;
    this.#sockets = new RpcSockets({ calls, callers, credentials, onMet, onUnexpected });
    const http = createHttpServer({
      rpc: (request, response) => endpoint.handle(request, response),
      rpcUpgrade: (request, connection, head) => {
        this.#sockets?.upgrade(request, connection, head);
      },
      readiness: () => this.#readiness(),
      metrics: this.#metrics.registry,
      hosts,
    });
    await listen(http, { host: host ?? own.host, port: own.port });
    this.#http = http;
    http.on('drop', () => {
      this.#selfCheck.dropped();
    });
    http.on('error', (error) => {
      this.#selfCheck.dropped();
      this.log.warn('a connection could not be accepted', { error: error.message });
    });
    this.#selfCheck.start();
    this.log.info('listening', {
      address: formatAddress(own),
      protocol: this.#configuration.protocol,
      version: VERSION,
    });
  }

  /** Joins the cluster and takes part; returns at once. What goes wrong from here on shows in `failed`. */
  start(identity: Identity): void {
    this.#member.start(identity);
  }

  /** Finishes what is in progress, for a second at most, and lets go of port and data. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#member.stop(DRAIN_MS);
    this.#selfCheck.stop();
    this.#sockets?.close(CLOSE_MS);
    if (this.#http !== undefined) await closeGracefully(this.#http, CLOSE_MS);
    this.#transport.close();
    await this.#storage.close();
    process.off('unhandledRejection', this.#onUnhandled);
    this.log.info('stopped');
  }

  #readiness(): { ready: boolean; reason: string } {
    const { trouble } = this.#selfCheck;
    return trouble === undefined ? this.#member.readiness() : { ready: false, reason: trouble };
  }

  #onUnexpected(error: unknown): void {
    if (isFatal(error)) this.#fail(error);
    else
      this.log.error('unexpected error', {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
  }

  /** Much runs in the background, where nobody waits for a fatal error: it ends the server as any other does. */
  readonly #onUnhandled = (error: unknown): void => {
    if (!isFatal(error)) throw new Error('a rejection that nobody handled', { cause: error });
    this.#fail(error);
  };

  #status(): ApiResult<'cluster.status'> {
    return statusOf({
      configuration: this.#configuration,
      settings: this.#settings,
      member: this.#member,
      isReady: this.#readiness().ready,
      store: this.#store,
      faults: this.#faults,
      health: (peer) => this.#transport.health(peer),
      isDurable: this.#configuration.dataFolder !== undefined,
      uptimeMs: performance.now() - this.#startedAt,
    });
  }
}

function leaseOf({ leaseMs, maxClockDrift }: ServerConfiguration): LeaderLease | undefined {
  return leaseMs === undefined ? undefined : { durationMs: leaseMs, maxDrift: maxClockDrift };
}

/** Starts one server. Rejects with StartRefused when it must not start; then nothing is left open. */
export async function startServer(configuration: ServerConfiguration): Promise<RunningServer> {
  const store = new KeyValueStore(readPrepopulate(configuration.prepopulateFile), {
    ...SESSION_LIMITS,
    clients: configuration.sessionClients,
  });
  const initialDigest = store.digest;
  const storage = openStorage(configuration.dataFolder);
  const server = new RunningServer(configuration, store, storage);
  try {
    await server.open();
    const identity = await Identity.open(storage, configuration, initialDigest, {
      newDisk: randomUUID,
      run: randomUUID(),
    });
    server.start(identity);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}
