import { z } from 'zod';
import { WINDOW } from '../kv/sessions';

/** Limits of the client API. Sizes are bytes of UTF-8. */
export const LIMITS = {
  keyBytes: 1024,
  valueBytes: 1024 * 1024,
  clientBytes: 128,
  /** The newest sequences of a client whose results are kept; older ones can no longer be told from new ones. */
  keptSequences: WINDOW,
  /** More than any method has. */
  parameters: 16,
  listEntries: 1000,
  /** One answer to kv.list stops early, with `more`, when its values reach this. */
  listBytes: 4 * 1024 * 1024,
  batchCalls: 1000,
  /** An answer to a batch that is longer takes in small results only. */
  answerCharacters: 4 * 1024 * 1024,
  /** A 1 MiB value takes up to 6 MiB when every character is escaped (\\u0000). */
  bodyBytes: 8 * 1024 * 1024,
  /** JSON values and names in a request; a batch of 1000 calls with all their parameters has some 15,000. */
  bodyParts: 64 * 1024,
} as const;

/** Text of `min..max` bytes of UTF-8. A lone surrogate has no UTF-8 form and is refused. */
function text(what: string, minBytes: number, maxBytes: number): z.ZodType<string> {
  return z
    .string({
      error: (issue) => (issue.input === undefined ? `${what} is missing` : `${what} must be a string`),
    })
    .refine((value) => value.isWellFormed(), `${what} must be well-formed Unicode`)
    .refine((value) => {
      if (value.length > maxBytes) return false;
      const bytes =
        value.length * 3 <= maxBytes && value.length >= minBytes ? minBytes : Buffer.byteLength(value);
      return bytes >= minBytes && bytes <= maxBytes;
    }, `${what} must have ${minBytes} to ${maxBytes} bytes of UTF-8`);
}

const key = text('key', 1, LIMITS.keyBytes).describe('1 to 1024 bytes of UTF-8');
const value = text('value', 0, LIMITS.valueBytes).describe('up to 1 MiB of UTF-8');
const session = {
  client: text('client', 1, LIMITS.clientBytes)
    .optional()
    .describe('with `sequence`: makes the write exactly-once, however often and wherever it is sent'),
  sequence: z.int().min(1).optional().describe('from 1, a new one for each write of this client'),
  epoch: z
    .int()
    .min(0)
    .optional()
    .describe('with `client`: the session epoch as this client found it when it began; left out: 0'),
};
const slot = z.int().describe('the log slot in which the write was decided');
const applied = z.int().describe('the answering server had applied all slots up to this one');
const read = z.enum(['local', 'linearizable']).default('local');

interface SessionParams {
  readonly client?: string | undefined;
  readonly sequence?: number | undefined;
  readonly epoch?: number | undefined;
}

function bothOrNeither({ client, sequence, epoch }: SessionParams): boolean {
  return (client === undefined) === (sequence === undefined) && (epoch === undefined || client !== undefined);
}
const together = 'client and sequence go together, and epoch with them';

const failures = z.int().min(0);
/** Null: the leader has none. */
const lease = z.object({ durationMs: z.number(), maxClockDrift: z.number() }).nullable();

const quorums = z.object({
  system: z.string().describe('`majority`, `q1,q2` or `grid:RxC`'),
  thrifty: z.boolean().describe('votes are asked of a smallest phase-2 quorum first'),
  phase1: z.string().describe('what a quorum of phase 1 is, in words'),
  phase2: z.string().describe('what a quorum of phase 2 is, in words'),
  survives: z
    .object({
      phase1: failures.describe('servers that may be down, whichever, for phase 1 to go on'),
      phase2: failures.describe('servers that may be down, whichever, for phase 2 to go on'),
      disks: failures.describe('disks that may be lost for good, whichever, without losing a write'),
    })
    .describe('how many failures the configuration survives in the worst case'),
});

const status = z.object({
  id: z.int(),
  version: z.string(),
  protocol: z.string(),
  cluster: z.string(),
  quorums,
  lease,
  ready: z.boolean(),
  members: z.array(z.object({ id: z.int(), address: z.string() })),
  peers: z.array(
    z.object({
      id: z.int(),
      address: z.string(),
      reachable: z.boolean(),
      roundTripMs: z.number().nullable().describe('of the last answered call; null before the first'),
      lastAnswerMs: z.number().nullable().describe('time since the last answer; null before the first'),
    }),
  ),
  leader: z
    .int()
    .nullable()
    .describe('who leads, as this server knows; null: nobody, or a protocol without leaders'),
  applied: z.int(),
  highestChosen: z.int(),
  floor: z.int().describe('slots below it are kept only by their effect on the store'),
  entries: z.int().describe('keys in the store'),
  digest: z.string().describe('equal for equal stores, whatever the order of writes'),
  sessions: z
    .object({
      epoch: z.int().describe('what a client that begins to write names as its `epoch`'),
      clients: z.int().describe('clients whose writes are told from new ones'),
    })
    .describe('who is remembered, so that a write that is sent again takes effect once'),
  pending: z.int().describe('operations in progress on this server'),
  acceptorFailure: z.number(),
  unansweredAcceptorCalls: z.int().describe('left unanswered on purpose since the start'),
  storage: z.enum(['durable', 'ephemeral']),
  uptimeMs: z.number(),
});

const faults = z.object({
  acceptorFailure: z
    .number()
    .min(0)
    .max(1)
    .describe('probability that a call on the acceptor goes unanswered'),
});
const logs = z.object({ level: z.enum(['error', 'warn', 'info', 'debug']) });
const nothing = z.strictObject({}).default({});

/** The parameters of a method without any. */
export const NO_PARAMS = nothing;

/** Every method of the client API. The same schemas validate calls, type the client and make the OpenRPC document. */
export const API_METHODS = {
  'kv.put': {
    summary: 'Set a key to a value.',
    params: z.strictObject({ key, value, ...session }).refine(bothOrNeither, together),
    result: z.object({ replaced: z.boolean(), slot }),
  },
  'kv.delete': {
    summary: 'Remove a key.',
    params: z.strictObject({ key, ...session }).refine(bothOrNeither, together),
    result: z.object({ deleted: z.boolean(), slot }),
  },
  'kv.compareAndSet': {
    summary: 'Set or remove a key if it has the expected value; null stands for absent.',
    params: z
      .strictObject({ key, expect: value.nullable(), value: value.nullable(), ...session })
      .refine(bothOrNeither, together),
    result: z.object({
      swapped: z.boolean(),
      actual: z.string().nullable().describe('the value found; null: absent'),
      slot,
    }),
  },
  'kv.get': {
    summary: 'Read a key.',
    params: z.strictObject({ key, read }),
    result: z.object({ found: z.boolean(), value: z.string().optional(), applied }),
  },
  'kv.list': {
    summary: 'Read keys and values in key order (the byte order of UTF-8).',
    params: z.strictObject({
      prefix: text('prefix', 0, LIMITS.keyBytes).default(''),
      after: text('after', 0, LIMITS.keyBytes).optional().describe('only keys after this one'),
      limit: z.int().min(1).max(LIMITS.listEntries).default(100),
      read,
    }),
    result: z.object({
      entries: z.array(z.object({ key: z.string(), value: z.string() })),
      more: z.boolean(),
      applied,
    }),
  },
  'cluster.status': {
    summary: 'How this server sees itself and its cluster.',
    params: nothing,
    result: status,
  },
  'faults.get': { summary: 'The failures this server injects.', params: nothing, result: faults },
  'faults.set': {
    summary: 'Change the failures this server injects.',
    params: z.strictObject(faults.shape),
    result: faults,
  },
  'logs.get': { summary: "This server's log level.", params: nothing, result: logs },
  'logs.set': {
    summary: "Change this server's log level.",
    params: z.strictObject(logs.shape),
    result: logs,
  },
} as const;

export type ApiMethods = typeof API_METHODS;
export type ApiMethod = keyof ApiMethods;
/** What a caller may send: fields with a default may be left out. */
export type ApiParams<M extends ApiMethod> = z.input<ApiMethods[M]['params']>;
export type ApiResult<M extends ApiMethod> = z.output<ApiMethods[M]['result']>;
