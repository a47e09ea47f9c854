import { isIP } from 'node:net';

/** A server's place in the network. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** Parses `host:port` or `[v6]:port`. Throws a sentence. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65535) throw new Error(`"${text}" is not host:port`);
  return { host, port };
}

export function formatAddress({ host, port }: Address): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isLoopback(host: string): boolean {
  return loopback.test(host);
}
