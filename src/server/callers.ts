import type { IncomingMessage } from 'node:http';
import { API_ERRORS } from '../api/errors';
import { ApiError } from './api-error';
import { namedHost, originOf } from './hosts';
import type { Caller } from './rpc-calls';

export interface CallersOptions {
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

  constructor(options: CallersOptions) {
    this.#options = options;
  }

  /**
   * A request's caller, whatever it says of itself, is a client: peers prove themselves on connections of their own (see
   * RpcSockets). Throws a Refusal. A web page can reach a server on loopback, but it cannot choose Host and Origin.
   */
  identify(request: IncomingMessage): Caller {
    const { hosts } = this.#options;
    const { host = 'nameless', origin } = request.headers;
    const named = namedHost(request);
    if (named === undefined)
      throw new Refusal(400, API_ERRORS.forbiddenHost, 'a request has one Host header, no more and no less');
    if (!hosts.has(named)) throw new Refusal(403, API_ERRORS.forbiddenHost, `this server is not ${host}`);
    if (origin !== undefined && !hosts.has(originOf(origin)))
      throw new Refusal(403, API_ERRORS.forbiddenHost, `pages of ${origin} may not call this server`);
    return { isPeer: false };
  }
}
