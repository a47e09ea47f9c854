import { randomUUID } from 'node:crypto';
import { SynodClient } from './client';
import { InvalidArgument } from './errors';
import { httpEnvironment } from './http-environment';

const DEFAULT_PORT = 15000;
const DEFAULT_SERVERS = 5;

export interface ConnectOptions {
  /** `host:port` of each server, in the order of preference. */
  readonly servers?: readonly string[] | undefined;
  /** Instead of `servers`: five servers of this machine, on this port (default 15000) and the four after it. */
  readonly port?: number | undefined;
  /** Every operation ends within this time; default 10000. */
  readonly deadlineMs?: number | undefined;
  /** One request to one server is given up after this time; default 5000. */
  readonly attemptTimeoutMs?: number | undefined;
  /** Send each operation to all servers at once and take the first good answer; default false. */
  readonly broadcast?: boolean | undefined;
  /**
   * Where the protocol has a leader, ask it first, as long as it answers; default true. False: stay with the first server
   * of the list that answers, such as the nearest one for local reads.
   */
  readonly followLeader?: boolean | undefined;
}

/** The servers that `start-servers` runs from one base port. */
export function localServers(port: number = DEFAULT_PORT): string[] {
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new InvalidArgument(`a port is a number from 1 to 65535, not ${port}`);
  const count = Math.min(DEFAULT_SERVERS, 65536 - port);
  return Array.from({ length: count }, (_, index) => `127.0.0.1:${port + index}`);
}

function positive(what: string, value: number): number {
  if (!(value > 0 && value < 2 ** 31)) throw new InvalidArgument(`${what} must be a positive number of ms`);
  return value;
}

/**
 * A client of the cluster at these servers. Opens connections when they are first needed, so a server may be down.
 * Throws InvalidArgument.
 */
export function connect(options: ConnectOptions = {}): SynodClient {
  if (options.servers !== undefined && options.port !== undefined)
    throw new InvalidArgument('give servers or a port, not both');
  const servers = [...new Set(options.servers ?? localServers(options.port))];
  return new SynodClient(httpEnvironment(servers), {
    servers,
    id: randomUUID(),
    deadlineMs: positive('deadlineMs', options.deadlineMs ?? 10_000),
    attemptTimeoutMs: positive('attemptTimeoutMs', options.attemptTimeoutMs ?? 5000),
    broadcast: options.broadcast ?? false,
    followLeader: options.followLeader ?? true,
  });
}
