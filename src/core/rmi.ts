import type { ServerId } from './ballot';
import type { Dispatch, Faults, Lane, Transport } from './environment';
import { CallError, CallRefused, Unanswered } from './errors';
import { invariant } from './invariant';

/** Checks and types what came over the wire. Throws when it does not fit. */
export interface Schema<T> {
  parse(input: unknown): T;
}

/** One remote method: what goes in, what comes out, and by which lane. */
export interface Method<Params, Result> {
  readonly params: Schema<Params>;
  readonly result: Schema<Result>;
  readonly lane: Lane;
}

/** The object behind an interface, here or on a peer: both look the same to the caller. */
export type Service<Methods> = {
  [Name in keyof Methods]: Methods[Name] extends Method<infer Params, infer Result>
    ? (params: Params) => Promise<Result>
    : never;
};

type AnyMethod = Method<unknown, unknown>;
type AnyFunction = (params: unknown) => Promise<unknown>;

function functionOf(service: unknown, name: string): AnyFunction {
  const run = (service as Record<string, AnyFunction | undefined>)[name];
  invariant(run !== undefined, `the service has the method ${name} of its interface`);
  return (params) => run.call(service, params);
}

/** Takes the peers' calls to the objects that this server exposes. Nothing else can be called. */
export class Dispatcher {
  readonly #targets = new Map<string, { readonly method: AnyMethod; readonly run: AnyFunction }>();

  /** Lets peers call the methods of `service` as `name.method`. */
  expose<Methods extends object>(name: string, methods: Methods, service: Service<Methods>): void {
    for (const [key, method] of Object.entries(methods) as [string, AnyMethod][])
      this.#targets.set(`${name}.${key}`, { method, run: functionOf(service, key) });
  }

  /** Rejects with CallRefused for a method that is not exposed or parameters that do not fit. */
  readonly dispatch: Dispatch = async (name, params) => {
    const target = this.#targets.get(name);
    if (target === undefined) throw new CallRefused('unknown-method', `there is no method ${name}`);
    let parsed: unknown;
    try {
      parsed = target.method.params.parse(params);
    } catch (error) {
      throw new CallRefused('invalid-params', `${name}: ${(error as Error).message}`);
    }
    return target.run(parsed);
  };
}

/** A stand-in for the object `name` on `peer`. Its calls reject when no answer that fits comes in time. */
export function stub<Methods extends object>(
  transport: Transport,
  peer: ServerId,
  name: string,
  methods: Methods,
  timeoutMs: number,
): Service<Methods> {
  const calls: Record<string, AnyFunction> = {};
  for (const [key, method] of Object.entries(methods) as [string, AnyMethod][]) {
    const fullName = `${name}.${key}`;
    const options = { timeoutMs, lane: method.lane };
    calls[key] = async (params) => {
      const answer = await transport.call(peer, fullName, params, options);
      try {
        return method.result.parse(answer);
      } catch (error) {
        throw new CallError(`${fullName}: the answer of server ${peer} does not fit`, { cause: error });
      }
    };
  }
  return calls as Service<Methods>;
}

/** Stand-ins for the object `name` on each of the peers. */
export function stubs<Methods extends object>(
  transport: Transport,
  peers: readonly ServerId[],
  name: string,
  methods: Methods,
  timeoutMs: number,
): Map<ServerId, Service<Methods>> {
  return new Map(peers.map((peer) => [peer, stub(transport, peer, name, methods, timeoutMs)]));
}

/** The same service, some of whose calls go unanswered on purpose: the request is lost, or its answer. */
export function unreliable<Methods extends object>(
  name: string,
  methods: Methods,
  service: Service<Methods>,
  faults: Faults,
): Service<Methods> {
  const calls: Record<string, AnyFunction> = {};
  for (const key of Object.keys(methods)) {
    const run = functionOf(service, key);
    calls[key] = async (params) => {
      const lost = faults.loses(name);
      if (lost === 'request') throw new Unanswered(`${name}.${key}: the request was lost on purpose`);
      const result = await run(params);
      if (lost === 'answer') throw new Unanswered(`${name}.${key}: the answer was lost on purpose`);
      return result;
    };
  }
  return calls as Service<Methods>;
}
