import { IncomingMessage, createServer, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import express from 'express';
import type { Registry } from 'prom-client';
import { StartRefused } from './configuration';
import { Connections } from './connections';
import { namedHost } from './hosts';
import { formatAddress, type Address } from '../network/address';

/** Longer than keepAliveTimeout, which is what ends idle connections first. */
const SILENT_MS = 70_000;
const connectionsOfServers = new WeakMap<Server, Connections>();
/** Connections that end after the answer which is under way on them. */
const lastAnswered = new WeakSet<Duplex>();

export interface HttpParts {
  readonly rpc: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** A request for a WebSocket at /rpc; the connection is the callee's from then on. */
  readonly rpcUpgrade: (request: IncomingMessage, connection: Duplex, head: Buffer) => void;
  /** Whether a quorum answers, or why not. */
  readonly readiness: () => { readonly ready: boolean; readonly reason: string };
  readonly metrics: Registry;
  /** `host:port` values that name this server. */
  readonly hosts: ReadonlySet<string>;
}

/**
 * A request whose offer of an upgrade counts only where this server takes it: a WebSocket at /rpc. Node answers any other
 * request as if it had offered none [RFC 9110, 7.8]; some clients offer HTTP/2 with every request.
 */
class RpcUpgradesOnly extends IncomingMessage {
  offersUpgrade: boolean | null = null;

  // Node sets it when it has read the headers, and asks for it after that.
  get upgrade(): boolean {
    const { offersUpgrade, method, url, headers } = this;
    if (offersUpgrade !== true || method === 'CONNECT') return offersUpgrade === true;
    return url === '/rpc' && headers.upgrade?.toLowerCase() === 'websocket';
  }

  set upgrade(offered: boolean | null) {
    this.offersUpgrade = offered;
  }
}

/** Health, metrics and, later, the page: everything that is not on the hot path. */
function pages(parts: HttpParts): express.Express {
  const app = express();
  app.disable('x-powered-by');
  // Never depends on the quorum: restarting servers does not heal a partition.
  app.get('/livez', (_request, response) => {
    response.type('text').send('ok\n');
  });
  app.get('/readyz', (_request, response) => {
    const { ready, reason } = parts.readiness();
    response
      .status(ready ? 200 : 503)
      .type('text')
      .send(`${reason}\n`);
  });
  // Health is for probes, which call by any address; the figures are not for pages of other sites.
  app.get('/metrics', async (request, response) => {
    if (!parts.hosts.has(namedHost(request) ?? '')) {
      response.status(403).type('text').send('this server has another name\n');
      return;
    }
    response.type(parts.metrics.contentType).send(await parts.metrics.metrics());
  });
  app.use((request, response) => {
    response.status(404).type('text').send(`nothing at ${request.path}; the API is POST /rpc\n`);
  });
  return app;
}

/** One port for clients, peers and pages. The calls do not run through Express's middleware stack. */
export function createHttpServer(parts: HttpParts): Server {
  const app = pages(parts);
  const open = new Connections();
  const server = createServer(
    {
      IncomingMessage: RpcUpgradesOnly,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 5_000,
      // Longer than clients keep an idle connection, or one may be closed just as it is used again.
      keepAliveTimeout: 65_000,
      // Finds out about peers whose machine is gone: nothing else ends their connections.
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    },
    (request, response) => {
      // Node drops the bytes that came together with a declined upgrade, so what follows may begin inside a request.
      if (lastAnswered.has(request.socket)) return;
      if (request.headers.upgrade !== undefined) {
        lastAnswered.add(request.socket);
        response.setHeader('connection', 'close');
      }
      open.begin(request.socket, response);
      if (request.url === '/rpc') void parts.rpc(request, response);
      else app(request, response);
    },
  );
  server.on('upgrade', (request, connection, head) => {
    open.upgraded(connection);
    parts.rpcUpgrade(request, connection, head);
  });
  // All headers count, up to the 16 KiB that Node takes: none can be hidden behind many others.
  server.maxHeadersCount = 0;
  server.maxConnections = 4096;
  // Operations take as long as they may: only an idle connection ends by this, or one that does not take its answer.
  server.setTimeout(SILENT_MS, (connection) => {
    open.silent(connection);
  });
  connectionsOfServers.set(server, open);
  server.on('connection', (connection) => {
    open.add(connection);
  });
  return server;
}

/** The connections of a server that createHttpServer made. */
export function connectionsOf(server: Server): Connections {
  const connections = connectionsOfServers.get(server);
  if (connections === undefined) throw new Error('that server was made elsewhere');
  return connections;
}

/** Rejects with StartRefused when the address cannot be had. */
export function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const reason: Record<string, string> = {
        EADDRINUSE: 'the port is taken by another program',
        EACCES: 'this user may not bind that port',
        EADDRNOTAVAIL: 'this machine has no such address',
        ENOTFOUND: 'there is no such host',
      };
      const why = reason[error.code ?? ''] ?? error.message;
      reject(new StartRefused(`cannot listen on ${formatAddress(address)}: ${why}`, { cause: error }));
    };
    server.once('error', onError);
    server.listen(address.port, address.host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

/** Ends idle connections at once, busy ones after their answer, and all others, upgraded ones too, after `graceMs`. */
export function closeGracefully(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      connectionsOf(server).destroyAll();
    }, graceMs);
    server.prependListener('request', (_request, response: ServerResponse) => {
      response.setHeader('connection', 'close');
    });
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
