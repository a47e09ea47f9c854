import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import express from 'express';
import type { Registry } from 'prom-client';
import { StartRefused } from './configuration';
import { hostOf } from './hosts';
import { formatAddress, type Address } from '../network/address';

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
      // Longer than clients and peers keep an idle connection, or one may be closed just as it is used again.
      keepAliveTimeout: 65_000,
    },
    (request, response) => {
      if (request.url === '/rpc') void parts.rpc(request, response);
      else app(request, response);
    },
  );
  server.on('upgrade', (request, connection, head) => {
    if (request.headers.upgrade?.toLowerCase() === 'websocket' && request.url === '/rpc')
      parts.rpcUpgrade(request, connection, head);
    else withoutUpgrade(server, request, connection, head);
  });
  server.maxConnections = 4096;
  return server;
}

/**
 * Answers a request as if it had offered no upgrade [RFC 9110, 7.8], as some clients do with every request for the sake of HTTP/2.
 * Node has given up the connection by now, so the request goes in once more.
 */
function withoutUpgrade(server: Server, request: IncomingMessage, connection: Duplex, head: Buffer): void {
  const lines = [`${request.method ?? ''} ${request.url ?? ''} HTTP/${request.httpVersion}`];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(at, at + 2);
    if (!/^(upgrade|connection|http2-settings)$/i.test(name)) lines.push(`${name}: ${value}`);
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

/** Ends idle connections at once, busy ones after their answer, and the rest after `graceMs`. */
export function closeGracefully(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.closeAllConnections();
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
