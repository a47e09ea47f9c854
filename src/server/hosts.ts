import type { IncomingMessage } from 'node:http';
import { formatAddress } from '../network/address';
import type { ServerConfiguration } from './configuration';

/** A Host header as `host:port` in lower case. One without a port means that of plain HTTP. */
export function hostOf(header: string): string {
  const host = header.toLowerCase();
  return /:\d+$/.test(host) ? host : `${host}:80`;
}

/** The `host:port` by which a request names the server; undefined when it names none, or two. */
export function namedHost({ headers, rawHeaders }: IncomingMessage): string | undefined {
  let count = 0;
  // Node keeps the first one only, another reader of the same request perhaps the last.
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') count++;
  return count === 1 && headers.host !== undefined ? hostOf(headers.host) : undefined;
}

/** An Origin header as `host:port`; text that is no origin of a web page stays as it is, and names nobody. */
export function originOf(header: string): string {
  const origin = header.toLowerCase();
  if (origin.startsWith('https://')) return /:\d+$/.test(origin) ? origin.slice(8) : `${origin.slice(8)}:443`;
  return origin.startsWith('http://') ? hostOf(origin.slice(7)) : origin;
}

/** The `host:port` values by which callers may name this server: it answers to no other. */
export function hostsOf({ id, servers, host, allowHosts }: ServerConfiguration): ReadonlySet<string> {
  const own = servers[id];
  const port = own?.port ?? 0;
  const names = ['localhost', '127.0.0.1', '::1', own?.host, host].filter((name) => name !== undefined);
  const hosts = new Set(names.map((name) => formatAddress({ host: name, port }).toLowerCase()));
  for (const name of allowHosts) {
    hosts.add(hostOf(name));
    if (!/:\d+$/.test(name)) hosts.add(`${name.toLowerCase()}:${port}`);
  }
  return hosts;
}
