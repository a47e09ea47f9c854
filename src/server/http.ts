import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import express from 'express';
import type { Registry } from 'prom-client';
import { StartRefused } from './configuration';
import { hostOf } from './hosts';
import { formatAddress, type Address } from '../network/address';

/** The connections of each server. Node's own list leaves out those that were upgraded. */
const connections = new WeakMap<Server, Set<Duplex>>();
/** The last response that was begun on a connection: all before it are finished before it is. */
const latestResponses = new WeakMap<Duplex, ServerResponse>();

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
    if (!parts.hosts.has(hostOf(request.headers.host ?? ''))) {
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
  const server = createServer(
    {
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
      latestResponses.set(request.socket, response);
      if (request.url === '/rpc') void parts.rpc(request, response);
      else app(request, response);
    },
  );
  server.on('upgrade', (request, connection, head) => {
    if (request.headers.upgrade?.toLowerCase() === 'websocket' && request.url === '/rpc')
      parts.rpcUpgrade(request, connection, head);
    else {
      // Node listens no more, and an error that nobody hears would end the process.
      connection.on('error', () => undefined);
      withoutUpgrade(server, request, connection, head);
    }
  });
  // All headers count, up to the 16 KiB that Node takes: what is read again must read the same.
  server.maxHeadersCount = 0;
  server.maxConnections = 4096;
  const open = new Set<Duplex>();
  connections.set(server, open);
  server.on('connection', (connection) => {
    if (open.has(connection)) return;
    open.add(connection);
    connection.once('close', () => open.delete(connection));
  });
  return server;
}

/**
 * Answers a request as if it had offered no upgrade [RFC 9110, 7.8], as some clients do with every request for the sake
 * of HTTP/2. Node has given up the connection by now, so the request goes in once more, after the answer before it.
 */
function withoutUpgrade(server: Server, request: IncomingMessage, connection: Duplex, head: Buffer): void {
  if (connection.destroyed) return;
  const before = latestResponses.get(connection);
  if (before !== undefined && !before.writableFinished) {
    before.once('close', () => {
      withoutUpgrade(server, request, connection, head);
    });
    return;
  }
  const lines = [`${request.method ?? ''} ${request.url ?? ''} HTTP/${request.httpVersion}`];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(at, at + 2);
    if (/^connection$/i.test(name))
      lines.push(`${name}: ${value.replaceAll(/upgrade|http2-settings/gi, '')}`);
    else if (!/^(upgrade|http2-settings)$/i.test(name)) lines.push(`${name}: ${value}`);
  }
  connection.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', connection);
}

/** Rejects with StartRefused when the address cannot be had. */
export function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason: Record<string, string> = {
        EADDRINUSE: 'the port is taken by another program',
        EACCES: 'this user may not bind that port',
        EADDRNOTAVAIL: 'this machine has no such address',
        ENOTFOUND: 'there is no such host',
      };
      const why = reason[error.code ?? ''] ?? error.message;
      reject(new StartRefused(`cannot listen on ${formatAddress(address)}: ${why}`, { cause: error }));
    });
    server.listen(address.port, address.host, resolve);
  });
}

/** Ends idle connections at once, busy ones after their answer, and all others, upgraded ones too, after `graceMs`. */
export function closeGracefully(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      for (const connection of connections.get(server) ?? []) connection.destroy();
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
