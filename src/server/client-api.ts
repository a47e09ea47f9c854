import { API_ERRORS } from '../api/errors';
import {
  API_METHODS,
  LIMITS,
  NO_PARAMS,
  type ApiMethod,
  type ApiMethods,
  type ApiResult,
} from '../api/methods';
import { openRpcDocument } from '../api/open-rpc';
import type { Clock } from '../core/environment';
import { OperationError } from '../core/errors';
import type { Replica } from '../core/replica';
import type { Command, Result, Session, Stale, Write, WriteResult } from '../kv/commands';
import type { KeyValueStore } from '../kv/store';
import type { AcceptorFaults } from './acceptor-faults';
import { ApiError } from './api-error';
import type { Forgetting } from './forgetting';
import type { Log } from './logging';
import type { ApiHandler } from './rpc-calls';
import type { z } from 'zod';

export interface ClientApiParts {
  readonly replica: Replica<Command, Result>;
  readonly store: KeyValueStore;
  readonly forgetting: Forgetting;
  readonly faults: AcceptorFaults;
  readonly log: Pick<Log, 'level' | 'warn'>;
  readonly clock: Clock;
  readonly operationTimeoutMs: number;
  /** Undefined while the server answers; else why it does not. */
  readonly notReadyBecause: () => string | undefined;
  readonly status: () => ApiResult<'cluster.status'>;
  readonly onRequest: (method: string, outcome: string, durationMs: number) => void;
}

type Handlers = { [M in ApiMethod]: (params: z.output<ApiMethods[M]['params']>) => Promise<ApiResult<M>> };

type Told<Op extends Write['op']> = Omit<Extract<WriteResult, { op: Op }>, 'op'>;

/** With 3 bytes of UTF-8 to a character at most. */
const LIST_CHARACTERS = Math.floor(LIMITS.listBytes / 3);

function sessionOf(params: {
  client?: string | undefined;
  sequence?: number | undefined;
  epoch?: number | undefined;
}): Session | null {
  const { client, sequence, epoch = 0 } = params;
  if (client === undefined || sequence === undefined) return null;
  return epoch === 0 ? { client, sequence } : { client, sequence, epoch };
}

/** Why nothing was changed. `epochBefore`: of the own store, before the write was proposed; a second copy may have been. */
function staleError({ because, epoch }: Stale, session: Session, epochBefore: number): ApiError {
  const { epoch: named = 0 } = session;
  if (because === 'sequence')
    return new ApiError(
      API_ERRORS.staleSequence,
      'the result of this write is not kept any more; a new write needs a higher sequence',
    );
  const isKept = `clients are remembered that began in session epoch ${Math.max(0, epoch - 1)} or later`;
  const text = `the write names epoch ${named}, and ${isKept}`;
  // A copy that was carried out since it came here cannot be forgotten within one epoch.
  if (named <= epoch && epoch <= epochBefore + 1) return new ApiError(API_ERRORS.staleEpoch, text, epoch);
  return new ApiError(API_ERRORS.staleSequence, `${text}; it is now epoch ${epoch}`, epoch);
}

function handlers(parts: ClientApiParts): Handlers {
  const { replica, store, forgetting, faults, log, operationTimeoutMs } = parts;

  const propose = (write: Write): Promise<WriteResult | Stale> =>
    replica.submit(write, operationTimeoutMs, write.session !== null) as Promise<WriteResult | Stale>;
  const submitOnce = (write: Write, session: Session): Promise<WriteResult | Stale> => {
    const { sessions } = store;
    // A write that was carried out here was chosen, so its result may be told again without asking anybody; and one that
    // would be refused now is refused for ever, unless this server only has not reached its epoch yet.
    const known = (session.epoch ?? 0) > sessions.epoch ? undefined : store.find(session, write);
    forgetting.notice();
    if (known === undefined && !sessions.hasRoomFor(session.client))
      throw new ApiError(
        API_ERRORS.overloaded,
        'too many clients began to write; older ones are forgotten soon',
      );
    return known === undefined ? propose(write) : Promise.resolve(known);
  };
  const submit = async <Op extends Write['op']>(write: Write & { op: Op }): Promise<Told<Op>> => {
    const { session } = write;
    const { epoch } = store.sessions;
    const answer = await (session === null ? propose(write) : submitOnce(write, session));
    const { op, ...result } = answer;
    if (op === 'stale' && session !== null) throw staleError(answer, session, epoch);
    return result as unknown as Told<Op>;
  };
  const beforeRead = (read: 'local' | 'linearizable'): Promise<void> =>
    read === 'linearizable' ? replica.readBarrier(operationTimeoutMs) : Promise.resolve();

  return {
    'kv.put': ({ key, value, ...session }) => submit({ op: 'put', key, value, session: sessionOf(session) }),
    'kv.delete': ({ key, ...session }) => submit({ op: 'delete', key, session: sessionOf(session) }),
    'kv.compareAndSet': ({ key, expect, value, ...session }) =>
      submit({ op: 'compareAndSet', key, expect, value, session: sessionOf(session) }),
    'kv.get': async ({ key, read }) => {
      await beforeRead(read);
      const value = store.get(key);
      const { applied } = replica.inspect();
      return value === undefined ? { found: false, applied } : { found: true, value, applied };
    },
    'kv.list': async ({ prefix, after, limit, read }) => {
      await beforeRead(read);
      const { applied } = replica.inspect();
      return { ...store.list({ prefix, after, limit, maxCharacters: LIST_CHARACTERS }), applied };
    },
    'cluster.status': () => Promise.resolve(parts.status()),
    'faults.get': () => Promise.resolve({ acceptorFailure: faults.acceptorFailure }),
    'faults.set': ({ acceptorFailure }) => {
      faults.acceptorFailure = acceptorFailure;
      log.warn('acceptor failures set', { acceptorFailure });
      return Promise.resolve({ acceptorFailure });
    },
    'logs.get': () => Promise.resolve({ level: log.level }),
    'logs.set': ({ level }) => {
      log.level = level;
      return Promise.resolve({ level });
    },
  };
}

/** Throws ApiError. A schema would name all that it does not know, and take seconds for it. */
function refuseTooMany(params: unknown): void {
  if (Array.isArray(params)) return;
  let count = 0;
  for (const name in params as object)
    if (++count > LIMITS.parameters)
      throw new ApiError(
        API_ERRORS.invalidParams,
        `a call has ${LIMITS.parameters} parameters at most; one too many is ${JSON.stringify(name.slice(0, 100))}`,
      );
}

function discover(params: unknown): Promise<unknown> {
  return Promise.resolve().then(() => {
    refuseTooMany(params);
    const parsed = NO_PARAMS.safeParse(params);
    if (!parsed.success) throw ApiError.ofParams(parsed.error);
    return openRpcDocument();
  });
}

/** The client API: every method checks its parameters, waits for the server to be in service, and is timed. */
export function clientApi(parts: ClientApiParts): ReadonlyMap<string, ApiHandler> {
  const api = new Map<string, ApiHandler>([['rpc.discover', discover]]);
  for (const [name, handler] of Object.entries(handlers(parts)) as [
    ApiMethod,
    (params: never) => Promise<unknown>,
  ][]) {
    const run = async (params: unknown): Promise<unknown> => {
      refuseTooMany(params);
      const parsed = API_METHODS[name].params.safeParse(params);
      if (!parsed.success) throw ApiError.ofParams(parsed.error);
      const because = name.startsWith('kv.') ? parts.notReadyBecause() : undefined;
      if (because !== undefined) throw new ApiError(API_ERRORS.notReady, because);
      return handler(parsed.data as never);
    };
    api.set(name, async (params) => {
      const startedAt = parts.clock.now();
      let outcome = 'ok';
      try {
        return await run(params);
      } catch (error) {
        const apiError = error instanceof OperationError ? ApiError.ofOperation(error) : error;
        outcome = apiError instanceof ApiError ? apiError.kind.name : API_ERRORS.internalError.name;
        throw apiError;
      } finally {
        parts.onRequest(name, outcome, parts.clock.now() - startedAt);
      }
    });
  }
  return api;
}
