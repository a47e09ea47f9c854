import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { API_ERRORS } from '../api/errors';
import { ApiError } from './api-error';
import { hostOf, originOf } from './hosts';
import type { Caller } from './rpc-calls';

export interface CallersOptions {
  readonly token: string;
  readonly configurationId: string;
  /** `host:port` values that name this server, in lower case. */
  readonly hosts: ReadonlySet<string>;
}

/** Refused for its headers, before anything else is read. */
export class Refusal extends ApiError {
  readonly status: number;

  constructor(status: number, ...details: ConstructorParameters<typeof ApiError>) {
    super(...details);
    this.status = status;
  }
}

/** Who may call, and as what. */
export class Callers {
  readonly #options: CallersOptions;
  readonly #token: Buffer;
  /** By connection: the header that named the token. Hashing it for every request takes a while. */
  readonly #proven = new WeakMap<Socket, string>();

  constructor(options: CallersOptions) {
    this.#options = options;
    this.#token = digest(`Bearer ${options.token}`);
  }

  /** Throws a Refusal. A web page can reach a server on loopback, but it cannot choose Host and Origin. */
  identify(request: IncomingMessage): Caller {
    const { hosts, configurationId } = this.#options;
    const { host = 'nameless', origin, 'x-synod-configuration': configuration } = request.headers;
    if (!hosts.has(hostOf(host)))
      throw new Refusal(403, API_ERRORS.forbiddenHost, `this server is not ${host}`);
    if (origin !== undefined && !hosts.has(originOf(origin)))
      throw new Refusal(403, API_ERRORS.forbiddenHost, `pages of ${origin} may not call this server`);
    const isPeer = this.#isPeer(request);
    if (isPeer && configuration !== configurationId)
      throw new Refusal(
        403,
        API_ERRORS.unauthorized,
        'the caller belongs to a cluster with another name, or has other members, protocol, quorums or lease',
      );
    return { isPeer };
  }

  #isPeer({ headers, socket }: IncomingMessage): boolean {
    const { authorization } = headers;
    if (authorization === undefined) return false;
    // Whoever sends it has proved it already, so the time of this comparison tells nothing new.
    if (this.#proven.get(socket) === authorization) return true;
    if (!timingSafeEqual(digest(authorization), this.#token)) return false;
    this.#proven.set(socket, authorization);
    return true;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
