import { z } from 'zod';
import { InvalidQuorums, parseQuorums } from '../core/quorum';
import { formatAddress } from '../network/address';
import { SESSION_LIMITS } from '../kv/sessions';
import { PROTOCOLS } from '../protocols/registry';

const address = z.object({ host: z.string().min(1), port: z.int().min(1).max(65535) });

/** When a leader dies, nobody is elected before its lease ends. */
export const MAX_LEASE_MS = 60_000;
/** With clocks that are wrong by half nothing is left of a lease. */
export const MAX_CLOCK_DRIFT = 0.5;

/** Everything that one server is told at its start. */
export const serverConfiguration = z
  .strictObject({
    id: z.int().min(0).describe('position of this server in `servers`'),
    servers: z.array(address).min(1).max(99),
    /** Address to bind; by default that of `servers[id]`. */
    host: z.string().optional(),
    /** Further names that clients may use in the Host header. */
    allowHosts: z.array(z.string()).default([]),
    protocol: z.enum(Object.keys(PROTOCOLS) as [keyof typeof PROTOCOLS]).default('paxos'),
    /** `majority`, `q1,q2` or `grid:RxC`. */
    quorums: z.string().default('majority'),
    thrifty: z.boolean().default(false),
    /** Undefined: no leader lease. */
    leaseMs: z.number().min(1).max(MAX_LEASE_MS).optional(),
    maxClockDrift: z.number().min(0).max(MAX_CLOCK_DRIFT).default(0.01),
    /** The folder of this server alone; undefined keeps everything in memory. */
    dataFolder: z.string().optional(),
    prepopulateFile: z.string().optional(),
    acceptorFailure: z.number().min(0).max(1).default(0),
    cluster: z.string().min(1).max(128).default('synod'),
    /** Shared by the servers of a cluster; proves a caller to be a peer. */
    token: z.string().min(16, 'the token needs at least 16 characters'),
    logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
    logFormat: z.enum(['pretty', 'json']).default('pretty'),
    operationTimeoutMs: z.int().min(1).default(4000),
    /** So many write in one session epoch; then those that wrote before the last one are forgotten. */
    sessionClients: z.int().min(1).default(SESSION_LIMITS.clients),
  })
  .refine((c) => c.id < c.servers.length, {
    error: 'the id must be a position in the list of servers, counted from 0',
    path: ['id'],
  })
  .refine((c) => new Set(c.servers.map(formatAddress)).size === c.servers.length, {
    error: 'every server is listed once',
    path: ['servers'],
  })
  .superRefine((c, context) => {
    const message = whyNoQuorums(c.quorums, c.servers.length);
    if (message !== undefined) context.addIssue({ code: 'custom', message, path: ['quorums'] });
    const noLease = whyNoLease(c.protocol, c.leaseMs);
    if (noLease !== undefined) context.addIssue({ code: 'custom', message: noLease, path: ['leaseMs'] });
  });

export type ServerConfiguration = z.output<typeof serverConfiguration>;

/** Why this protocol cannot have this lease, if so. */
export function whyNoLease(protocol: string, leaseMs: number | undefined): string | undefined {
  return leaseMs === undefined || protocol !== 'paxos'
    ? undefined
    : 'a lease is for a leader, and paxos has none: add --protocol multi-paxos';
}

/** Why so many servers cannot have these quorums, if so. */
export function whyNoQuorums(quorums: string, servers: number): string | undefined {
  const members = Array.from({ length: servers }, (_, id) => id);
  try {
    parseQuorums(quorums, members);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidQuorums) return error.message;
    throw error;
  }
}

/** Why a server refuses to start, as an exit code. Whoever restarts servers leaves those alone. */
export const REFUSED = {
  /** Wrong input, a taken port, a foreign data folder. */ start: 2,
  /** See DataDamaged. */ data: 5,
};

/** A start that must not be. One line for people. */
export class StartRefused extends Error {
  override readonly name: string = 'StartRefused';
  readonly exitCode: number = REFUSED.start;
}

/** The data folder is damaged, or its disk fails: what this server promised may be lost. */
export class DataDamaged extends StartRefused {
  override readonly name = 'DataDamaged';
  override readonly exitCode = REFUSED.data;
}

/** What a server tells the process that started it, by Node's IPC channel. */
export type ServerMessage =
  { readonly kind: 'ready' } | { readonly kind: 'refused'; readonly reason: string };
