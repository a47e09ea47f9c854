import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { errors } from 'undici';
import { asAttemptFailed, httpEnvironment } from '../../src/client/http-environment';
import { closedAddress } from './fake-server';

const CODES = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'ECONNRESET'];

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}

test.each(CODES)('%s is sure before there is a connection, and says nothing on one', (code) => {
  const definite = (error: Error): boolean => asAttemptFailed(error, 1000).definite;
  expect(definite(systemError(code, 'connect'))).toBe(true);
  for (const syscall of ['read', 'write']) expect(definite(systemError(code, syscall))).toBe(false);
  expect(definite(Object.assign(new Error('lost'), { code }))).toBe(false);
  const several = (...syscalls: string[]): Error =>
    Object.assign(new AggregateError(syscalls.map((syscall) => systemError(code, syscall))), { code });
  expect(definite(several('connect', 'connect'))).toBe(true);
  expect(definite(several('connect', 'read'))).toBe(false);
  expect(definite(several())).toBe(false);
});

test('a name without an address and a connection that takes too long are sure', () => {
  for (const error of [systemError('ENOTFOUND', 'getaddrinfo'), new errors.ConnectTimeoutError()])
    expect(asAttemptFailed(error, 1000)).toMatchObject({ definite: true, retry: true });
});

test('a port on which nobody listens is sure, by each of its names; a connection that is closed is not', async () => {
  const closed = await closedAddress();
  const closing = [
    createServer((socket) => socket.on('data', () => socket.resetAndDestroy())),
    createServer((socket) => socket.on('data', () => socket.end())),
  ];
  const environment = httpEnvironment([]);
  const failure = (server: string): Promise<unknown> =>
    environment.call(server, 'kv.put', {}, 5000).catch((error: unknown) => error);
  try {
    expect(await failure(closed)).toMatchObject({ definite: true, message: 'connection refused' });
    expect(await failure(closed.replace('127.0.0.1', 'localhost'))).toMatchObject({ definite: true });
    for (const server of closing) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      expect(await failure(`127.0.0.1:${port}`)).toMatchObject({ definite: false });
    }
  } finally {
    await environment.close();
    for (const server of closing) server.close();
  }
});
