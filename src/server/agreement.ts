import type { ServerId } from '../core/ballot';
import { STATE_MACHINE } from '../kv/state-machine';
import { formatAddress } from '../network/address';
import type { Agreement, Credentials } from '../network/handshake';
import type { ServerConfiguration } from './configuration';

/**
 * The version of what servers say to each other. It is raised with every change of the messages, or of what they mean,
 * that a server of the version before would take for something else.
 */
const MESSAGES = 2;

type Agreed = Pick<
  ServerConfiguration,
  'cluster' | 'protocol' | 'quorums' | 'servers' | 'leaseMs' | 'maxClockDrift'
>;

/** All that the servers of a cluster must agree on: with one that differs in any of it no server talks. */
export function agreementOf(configuration: Agreed): Agreement {
  const { cluster, protocol, quorums, servers, leaseMs, maxClockDrift } = configuration;
  return {
    cluster,
    protocol,
    quorums,
    servers: servers.map(formatAddress).join(),
    lease: leaseMs === undefined ? 'none' : `${leaseMs} ms`,
    // It counts in a lease only.
    ...(leaseMs !== undefined && { 'clock drift': String(maxClockDrift) }),
    'state machine': STATE_MACHINE,
    messages: String(MESSAGES),
  };
}

/** In what the caller differs, if so, as a sentence. */
export function whyNoAgreement(own: Credentials, caller: ServerId, theirs: Agreement): string | undefined {
  const names = new Set([...Object.keys(own.agreement), ...Object.keys(theirs)]);
  const differences = [...names]
    .filter((name) => own.agreement[name] !== theirs[name])
    .map((name) => `${name}: ${own.agreement[name] ?? 'none'} here, ${theirs[name] ?? 'none'} there`);
  if (differences.length === 0) return undefined;
  return `server ${own.self} and server ${caller} differ in what all servers must have in common (${differences.join('; ')})`;
}
