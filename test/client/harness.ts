import { connect } from '../../src';
import type { ClientError, ConnectOptions, SynodClient } from '../../src';
import { fakeServer } from './fake-server';
import type { Call, FakeServer, Reaction } from './fake-server';

const opened: { stop(): Promise<void> }[] = [];

/** For afterEach. */
export async function stopAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((resource) => resource.stop()));
}

/** A server that stops after the test. */
export async function serverThat(react: (call: Call) => Reaction | Promise<Reaction>): Promise<FakeServer> {
  const server = await fakeServer(react);
  opened.push(server);
  return server;
}

/** A client, less patient than by default, that closes after the test. */
export function clientOf(
  servers: readonly (FakeServer | string)[],
  options: ConnectOptions = {},
): SynodClient {
  const client = connect({
    servers: servers.map((server) => (typeof server === 'string' ? server : server.address)),
    deadlineMs: 3000,
    attemptTimeoutMs: 300,
    // So that fakes are asked what the test asks, and nothing else.
    followLeader: false,
    ...options,
  });
  opened.push({ stop: () => client.close() });
  return client;
}

/** What a promise rejects with. */
export function rejection(promise: Promise<unknown>): Promise<ClientError> {
  return promise.then(
    () => {
      throw new Error('should have failed');
    },
    (error: unknown) => error as ClientError,
  );
}

/** Polls until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const silent: Reaction = { misbehave: () => undefined };
export const hangsAfterHeaders: Reaction = {
  misbehave: (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
    response.write('{"jsonrpc"');
  },
};
export const diesInTheBody: Reaction = {
  misbehave: (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
    response.write('{"jsonrpc"', () => response.destroy());
  },
};
export const put = { replaced: false, slot: 1 };
