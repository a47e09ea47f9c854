import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import type { Credentials } from '../../../src/network/handshake';
import { Callers } from '../../../src/server/callers';
import { closeGracefully, createHttpServer } from '../../../src/server/http';
import { RpcCalls, type RpcCallsOptions } from '../../../src/server/rpc-calls';
import { RpcEndpoint } from '../../../src/server/rpc-endpoint';
import { RpcSockets } from '../../../src/server/rpc-sockets';

export const TOKEN = 'the token of this test cluster';
/** Of the endpoint, server 0. */
export const CREDENTIALS: Credentials = {
  self: 0,
  cluster: 'test',
  token: TOKEN,
  agreement: { cluster: 'test', lease: '500 ms' },
};
/** Of a peer of the endpoint. */
export const PEER: Credentials = { ...CREDENTIALS, self: 1 };

export interface TestEndpoint {
  readonly port: number;
  readonly server: Server;
  /** Who was let in, or not, and why not. */
  readonly met: [caller: number, refusal: string | undefined][];
  /** What the endpoint reported as nobody's fault. */
  readonly unexpected: unknown[];
  close(): Promise<void>;
}

/** An endpoint with methods of the test's own, over real HTTP on a free port. */
export async function startEndpoint(
  api: RpcCallsOptions['api'],
  peers: RpcCallsOptions['peers'],
): Promise<TestEndpoint> {
  const unexpected: unknown[] = [];
  const hosts = new Set<string>();
  const onUnexpected = (error: unknown): void => {
    unexpected.push(error);
  };
  const calls = new RpcCalls({ api, peers, onUnexpected, onMessage: () => undefined });
  const callers = new Callers({ hosts });
  const met: TestEndpoint['met'] = [];
  const onMet = (...who: TestEndpoint['met'][number]): void => {
    met.push(who);
  };
  const endpoint = new RpcEndpoint({ calls, callers, onUnexpected });
  const sockets = new RpcSockets({ calls, callers, credentials: CREDENTIALS, onMet, onUnexpected });
  const server = createHttpServer({
    rpc: (request, response) => endpoint.handle(request, response),
    rpcUpgrade: (request, connection, head) => {
      sockets.upgrade(request, connection, head);
    },
    readiness: () => ({ ready: true, reason: '1 of 1 servers answer' }),
    metrics: new Registry(),
    hosts,
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  hosts.add(`127.0.0.1:${port}`).add(`localhost:${port}`);
  const close = (): Promise<void> => {
    sockets.close(100);
    return closeGracefully(server, 100);
  };
  return { port, server, met, unexpected, close };
}
