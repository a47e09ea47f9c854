import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { formatAddress, type Address } from '../../network/address';

/** Why an address cannot be listened on, as a sentence; undefined when it can. */
export async function whyNotBindable(address: Address): Promise<string | undefined> {
  const error = await bind(address);
  if (error === undefined) return undefined;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${formatAddress(address)} is taken: choose another base port, or stop the program that uses it`;
    case 'EACCES':
      return `${formatAddress(address)} may not be used without special rights: choose a port above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${address.host} is not an address of this machine`;
    default:
      return `${formatAddress(address)} cannot be listened on: ${error.message}`;
  }
}

/** Below the range from which systems take outgoing ports. */
const USUALLY_FREE = { from: 20_000, to: 32_000 };

/** Looks for `count` consecutive free ports on loopback; returns the first. */
export async function findFreePorts(count: number, range = USUALLY_FREE): Promise<number> {
  const host = '127.0.0.1';
  for (let attempt = 0; attempt < 100; attempt++) {
    const base = randomInt(range.from, range.to - count);
    const ports = Array.from({ length: count }, (_, index) => base + index);
    const errors = await Promise.all(ports.map((port) => bind({ host, port })));
    if (errors.every((error) => error === undefined)) return base;
  }
  throw new Error(`no ${count} consecutive free ports were found`);
}

function bind({ host, port }: Address): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}
