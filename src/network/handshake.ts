import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { ServerId } from '../core/ballot';

/**
 * How two servers prove to each other that they know the cluster's token, which itself never travels: challenge and
 * response with HMAC-SHA256 [RFC 2104], as in RFC 5802 without passwords.
 *
 * 1. caller -> callee: its id and a nonce, as headers of the request for a WebSocket;
 * 2. callee -> caller: a nonce and its proof, as headers of the answer;
 * 3. caller -> callee: its proof and its agreement, as the first message;
 * 4. callee -> caller: welcome, or why not.
 *
 * A proof covers both nonces, both ids, the name of the cluster, and whether the caller or the callee proves itself. So a
 * recorded one fits no other connection, one that is sent back fits no other direction, and one that was made for a
 * server is of no use to another. What comes later on the connection is not covered: that takes TLS.
 */

/** Changes with the form of the handshake: a proof of another form is none. */
const HANDSHAKE = 'synod handshake 1';
const NONCE = /^[\w-]{43}$/;
const CALLER_HEADER = 'x-synod-caller';
const NONCE_HEADER = 'x-synod-nonce';
const PROOF_HEADER = 'x-synod-proof';

/** The first message of a callee that lets the caller in. */
export const WELCOME = '{"welcome":true}';
/** No first message is longer: of a caller that has proved nothing no more is read. */
export const MAX_FIRST_MESSAGE_BYTES = 64 * 1024;

/** What servers must agree on before they talk, each thing with its name, for people. */
export type Agreement = Readonly<Record<string, string>>;

export interface Credentials {
  readonly self: ServerId;
  readonly cluster: string;
  /** Known to the servers of the cluster alone. */
  readonly token: string;
  readonly agreement: Agreement;
}

/** Says what is wrong with the other side; a sentence. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
}

interface Meeting {
  readonly caller: ServerId;
  readonly callee: ServerId;
  readonly callerNonce: string;
  readonly calleeNonce: string;
}

const firstMessage = z.object({ proof: z.string(), agreement: z.record(z.string(), z.string()) });

/** The caller's side, for one connection. */
export class CallerHandshake {
  readonly #credentials: Credentials;
  readonly #callee: ServerId;
  readonly #nonce = newNonce();

  constructor(credentials: Credentials, callee: ServerId) {
    this.#credentials = credentials;
    this.#callee = callee;
  }

  /** Of the request for a WebSocket. */
  get headers(): Record<string, string> {
    return { [CALLER_HEADER]: String(this.#credentials.self), [NONCE_HEADER]: this.#nonce };
  }

  /** Gives the first message, for a callee that has proved itself. Throws HandshakeError. */
  answer(headers: IncomingHttpHeaders): string {
    const { self, agreement } = this.#credentials;
    const meeting: Meeting = {
      caller: self,
      callee: this.#callee,
      callerNonce: this.#nonce,
      calleeNonce: textOf(headers[NONCE_HEADER]),
    };
    if (!isProof(textOf(headers[PROOF_HEADER]), proofOf(this.#credentials, 'callee', meeting)))
      throw new HandshakeError(unproven('whoever listens there', this.#credentials, this.#callee));
    return JSON.stringify({ proof: proofOf(this.#credentials, 'caller', meeting), agreement });
  }
}

/** The callee's side, for one connection. */
export class CalleeHandshake {
  readonly caller: ServerId;
  readonly #credentials: Credentials;
  readonly #meeting: Meeting;

  /** Throws HandshakeError for headers of a request that begin no handshake. */
  constructor(credentials: Credentials, headers: IncomingHttpHeaders) {
    const caller = textOf(headers[CALLER_HEADER]);
    const callerNonce = textOf(headers[NONCE_HEADER]);
    if (!/^\d{1,2}$/.test(caller) || !NONCE.test(callerNonce))
      throw new HandshakeError('the caller does not say which server it is; clients use POST');
    this.caller = Number(caller);
    if (this.caller === credentials.self)
      throw new HandshakeError(`server ${this.caller} is this one, and it does not call itself`);
    this.#credentials = credentials;
    this.#meeting = {
      caller: this.caller,
      callee: credentials.self,
      callerNonce,
      calleeNonce: newNonce(),
    };
  }

  /** Of the answer to the request for a WebSocket. */
  get headers(): string[] {
    return [
      `${NONCE_HEADER}: ${this.#meeting.calleeNonce}`,
      `${PROOF_HEADER}: ${proofOf(this.#credentials, 'callee', this.#meeting)}`,
    ];
  }

  /** Gives the agreement of a caller that proves itself by this first message. Throws HandshakeError. */
  check(message: string): Agreement {
    const { proof, agreement } = parsed(message) ?? { proof: '', agreement: {} };
    if (!isProof(proof, proofOf(this.#credentials, 'caller', this.#meeting)))
      throw new HandshakeError(unproven('the caller', this.#credentials, this.caller));
    return agreement;
  }
}

function newNonce(): string {
  return randomBytes(32).toString('base64url');
}

function proofOf({ token, cluster }: Credentials, by: 'caller' | 'callee', meeting: Meeting): string {
  const { caller, callee, callerNonce, calleeNonce } = meeting;
  const covered = [HANDSHAKE, by, cluster, caller, callee, callerNonce, calleeNonce];
  return createHmac('sha256', token).update(JSON.stringify(covered)).digest('base64url');
}

/** Takes as long for a text that is nearly right as for one that is all wrong. */
function isProof(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function parsed(message: string): z.output<typeof firstMessage> | undefined {
  try {
    return firstMessage.parse(JSON.parse(message));
  } catch {
    return undefined;
  }
}

function textOf(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : '';
}

function unproven(who: string, { cluster }: Credentials, id: ServerId): string {
  return `${who} does not prove to be server ${id} of cluster ${cluster}: another token, another name of the cluster, or no server of it`;
}
