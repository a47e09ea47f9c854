import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApiResult } from '../../src/api/methods';
import type { API_ERRORS } from '../../src/api/errors';

export interface Call {
  readonly method: string;
  readonly params: Record<string, unknown>;
}

/** What to do with a call: answer it, fail it with an API error, or misbehave. */
export type Reaction =
  | { readonly result: unknown }
  | { readonly error: (typeof API_ERRORS)[keyof typeof API_ERRORS] }
  | { readonly misbehave: (response: ServerResponse) => void };

export interface FakeServer {
  readonly address: string;
  readonly calls: Call[];
  stop(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** A JSON-RPC server of one's own making on a free port. */
export async function fakeServer(react: (call: Call) => Reaction | Promise<Reaction>): Promise<FakeServer> {
  const calls: Call[] = [];
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { id, method, params } = JSON.parse(await bodyOf(request)) as Call & { id: string };
    calls.push({ method, params });
    const reaction = await react({ method, params });
    if ('misbehave' in reaction) {
      reaction.misbehave(response);
      return;
    }
    const content =
      'result' in reaction
        ? { result: reaction.result }
        : { error: { code: reaction.error.code, message: reaction.error.meaning } };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...content }));
  };
  const server = createServer((request, response) => {
    void respond(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** The behaviour of a healthy server with one store, shared by all that are given it. */
export function healthyStore(): (call: Call) => Reaction {
  const store = new Map<string, string>();
  const results = new Map<string, unknown>();
  let slot = 0;
  const once = (params: Call['params'], act: () => object): unknown => {
    const id = JSON.stringify([params['client'], params['sequence']]);
    if (!results.has(id)) results.set(id, { ...act(), slot: ++slot });
    return results.get(id);
  };
  return ({ method, params }) => {
    const key = params['key'] as string;
    switch (method) {
      case 'kv.put':
        return {
          result: once(params, () => {
            const replaced = store.has(key);
            store.set(key, params['value'] as string);
            return { replaced };
          }),
        };
      case 'kv.delete':
        return { result: once(params, () => ({ deleted: store.delete(key) })) };
      case 'kv.compareAndSet':
        return {
          result: once(params, () => {
            const actual = store.get(key) ?? null;
            const swapped = actual === params['expect'];
            if (swapped && params['value'] === null) store.delete(key);
            else if (swapped) store.set(key, params['value'] as string);
            return { swapped, actual };
          }),
        };
      case 'kv.get':
        return { result: { found: store.has(key), value: store.get(key), applied: slot } };
      case 'kv.list': {
        const entries = [...store]
          .filter(([name]) => name.startsWith((params['prefix'] as string | undefined) ?? ''))
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, value]) => ({ key: name, value }));
        return { result: { entries, more: false, applied: slot } };
      }
      case 'faults.get':
        return { result: { acceptorFailure: 0 } };
      case 'faults.set':
        return { result: params };
      case 'logs.get':
        return { result: { level: 'info' } };
      case 'logs.set':
        return { result: params };
      default:
        return { result: statusOf({ applied: slot, highestChosen: slot, entries: store.size }) };
    }
  };
}

/** How a server of a cluster without a leader sees it, but for what is told of it. */
export function statusOf(told: Partial<ApiResult<'cluster.status'>>): ApiResult<'cluster.status'> {
  return {
    id: 0,
    version: '0.1.0',
    protocol: 'paxos',
    quorums: {
      system: 'majority',
      thrifty: false,
      phase1: '1 of 1 server',
      phase2: '1 of 1 server',
      survives: { phase1: 0, phase2: 0, disks: 0 },
    },
    lease: null,
    cluster: 'fake',
    ready: true,
    members: [],
    peers: [],
    leader: null,
    applied: 0,
    highestChosen: 0,
    floor: 0,
    entries: 0,
    digest: '0123456789abcdef',
    sessions: { epoch: 0, clients: 0 },
    pending: 0,
    acceptorFailure: 0,
    unansweredAcceptorCalls: 0,
    storage: 'ephemeral',
    uptimeMs: 1000,
    ...told,
  };
}

/** A port on which nobody listens. */
export async function closedAddress(): Promise<string> {
  const server = await fakeServer(() => ({ result: {} }));
  await server.stop();
  return server.address;
}
