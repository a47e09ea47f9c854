import { z } from 'zod';
import { PROTOCOLS, type ProtocolName } from '../protocols/registry';
import { CONNECTION_LANES } from './lanes';
import { LIMIT_NAMES, type Scenario } from './scenario';
import { FIRST_CLIENT } from './virtual-time';

/** Longer than any run that is drawn, and short enough for one that somebody wrote to end. */
const LONGEST_MS = 100_000_000;

const ms = z.number().min(0).max(LONGEST_MS);
const someMs = z.number().positive().max(LONGEST_MS);
const chance = z.number().min(0).max(1);
const server = z.int().min(0);
const servers = z.array(server).min(1).readonly();
/** A server, or a client: a number from FIRST_CLIENT on. */
const place = z.int().min(0);
const cut = z.array(z.tuple([place, place]).readonly()).readonly();
const key = z.string().min(1);
const read = z.enum(['local', 'linearizable']);

const planned = {
  afterMs: ms,
  alongside: z.exactOptional(z.literal(true)),
  cancelAfterMs: z.exactOptional(ms),
  empty: z.exactOptional(z.literal(true)),
  unsessioned: z.exactOptional(z.literal(true)),
};
const request = z.discriminatedUnion('op', [
  z.strictObject({ ...planned, op: z.literal('status') }),
  z.strictObject({ ...planned, op: z.literal('get'), key, read }),
  z.strictObject({ ...planned, op: z.enum(['put', 'delete']), key }),
  z.strictObject({
    ...planned,
    op: z.literal('compareAndSet'),
    key,
    expect: z.enum(['seen', 'absent']),
    deletes: z.boolean(),
  }),
  z.strictObject({
    ...planned,
    op: z.literal('list'),
    prefix: z.string(),
    after: z.string().optional(),
    limit: z.int().min(1),
    read,
  }),
]);

const client = z.strictObject({
  servers,
  deadlineMs: someMs,
  attemptTimeoutMs: someMs,
  broadcast: z.boolean(),
  broadcastReads: z.exactOptional(z.boolean()),
  followLeader: z.exactOptional(z.boolean()),
  heldUp: z.exactOptional(chance),
  echo: chance,
  requests: z.array(request).readonly(),
});

const network = z.strictObject({
  latencyMs: ms,
  jitterMs: ms,
  loss: chance,
  duplication: chance,
  late: chance,
  lateMs: ms,
  veryLate: z.exactOptional(z.strictObject({ share: chance, lateMs: ms, copies: z.boolean() })),
});

const at = { atMs: ms };
const crash = { kept: chance, downMs: ms };
const lane = {
  ...at,
  lane: z.enum(CONNECTION_LANES),
  connections: cut,
  side: z.enum(['requests', 'answers', 'both']),
  forMs: ms,
};
const fault = z.discriminatedUnion('kind', [
  z.strictObject({
    ...at,
    kind: z.literal('partition'),
    shape: z.enum(['symmetric', 'one-way', 'bridge', 'isolated']),
    cut,
    forMs: ms,
  }),
  z.strictObject({ ...at, kind: z.literal('flapping'), cut, periodMs: z.number().min(1), forMs: ms }),
  z.strictObject({ ...lane, kind: z.literal('lane cut') }),
  z.strictObject({ ...lane, kind: z.literal('lane slow'), byMs: ms }),
  z.strictObject({ ...at, kind: z.literal('crash'), servers, ...crash }),
  z.strictObject({ ...at, kind: z.literal('lonely restart'), server, ...crash, forMs: ms }),
  z.strictObject({
    ...at,
    kind: z.literal('quorum moves'),
    server,
    restarted: z.array(server).readonly(),
    behindMs: ms,
    ...crash,
    forMs: ms,
  }),
  z.strictObject({
    ...at,
    kind: z.literal('restart storm'),
    server,
    upMs: z.array(ms).readonly(),
    syncMs: ms,
    digestSlots: z.exactOptional(z.int().min(1)),
    ...crash,
  }),
  z.strictObject({
    ...at,
    kind: z.literal('crash at a point'),
    server,
    point: z.enum([
      'write-issued',
      'write-durable',
      'call-sent',
      'call-answered',
      'client-answered',
      'snapshot-installed',
    ]),
    times: z.int().min(1),
    ...crash,
  }),
  z.strictObject({ ...at, kind: z.literal('pause'), server, forMs: ms }),
  z.strictObject({ ...at, kind: z.literal('clock rate'), server, rate: z.number().positive() }),
  z.strictObject({ ...at, kind: z.literal('clock jump'), server, byMs: ms }),
  z.strictObject({ ...at, kind: z.literal('slow disk'), server, syncMs: ms, forMs: ms }),
  z.strictObject({ ...at, kind: z.literal('failing sync'), server, keepsFirst: z.boolean(), downMs: ms }),
  z.strictObject({ ...at, kind: z.literal('wiped disk'), server, downMs: ms }),
  z.strictObject({ ...at, kind: z.literal('leader crash'), ...crash }),
  z.strictObject({ ...at, kind: z.literal('leader crash as one returns'), server, forMs: ms, ...crash }),
  z.strictObject({ ...at, kind: z.literal('leader usurped'), server, forMs: ms }),
  z.strictObject({ ...at, kind: z.literal('leader pause'), forMs: ms }),
  z.strictObject({
    ...at,
    kind: z.literal('leader cut off'),
    side: z.enum(['deaf', 'mute', 'both']),
    spared: z.array(server).readonly(),
    forMs: ms,
  }),
  z.strictObject({ ...at, kind: z.literal('leader restart'), downMs: ms }),
]);

const variation = z.strictObject({
  logSlots: z.int().min(0),
  checkpointSlots: z.exactOptional(z.int().min(1)),
  offeredSlots: z.exactOptional(z.int().min(0)),
  pieceSlots: z.int().min(1),
  timing: z.exactOptional(
    z.strictObject({ resendMs: someMs, phaseTimeoutMs: someMs, gapMs: someMs, gossipMs: someMs }),
  ),
  limits: z.exactOptional(z.partialRecord(z.enum(LIMIT_NAMES), z.int().min(1))),
});

const state = z.strictObject({
  initial: z.array(z.tuple([key, z.string()]).readonly()).readonly(),
  sessions: z.exactOptional(
    z.strictObject({
      clients: z.int().min(1),
      characters: z.int().min(1),
      resultCharacters: z.exactOptional(z.int().min(1)),
    }),
  ),
});

const forming = z.strictObject({ faults: z.array(fault).readonly(), isStormy: z.boolean() });

/** A scenario as a file holds it; every server that is named in it must be one of its servers. */
export const scenarioSchema = z
  .strictObject({
    seed: z.int().min(0),
    protocol: z.enum(Object.keys(PROTOCOLS) as ProtocolName[]),
    variation,
    servers: z.int().min(1).max(9),
    // Files of the first versions do not hold these two.
    quorums: z
      .string()
      .regex(/^(majority|\d,\d|grid:\dx\d)$/)
      .default('majority'),
    thrifty: z.boolean().default(false),
    lease: z.exactOptional(z.strictObject({ durationMs: someMs, maxDrift: chance })),
    safetyMs: someMs,
    network,
    syncMs: ms,
    digestSlots: z.exactOptional(z.int().min(1)),
    operationTimeoutMs: someMs,
    acceptorFailure: chance,
    state: z.exactOptional(state),
    forming: z.exactOptional(forming),
    clients: z.array(client).min(1).readonly(),
    faults: z.array(fault).readonly(),
    core: servers,
  })
  .superRefine((scenario, context) => {
    const stranger = serversNamedIn(scenario).find((id) => id >= scenario.servers);
    if (stranger !== undefined)
      context.addIssue(`there is no server ${stranger} among ${scenario.servers} servers`);
  }) satisfies z.ZodType<Scenario>;

function serversNamedIn({ clients, faults, forming: early, core }: Scenario): number[] {
  return [
    ...core,
    ...clients.flatMap((each) => each.servers),
    ...[...faults, ...(early?.faults ?? [])].flatMap((each) => {
      if ('restarted' in each) return [each.server, ...each.restarted];
      if ('server' in each) return [each.server];
      if ('servers' in each) return each.servers;
      if ('spared' in each) return each.spared;
      if ('connections' in each) return each.connections.flat();
      return 'cut' in each ? each.cut.flat().filter((id) => id < FIRST_CLIENT) : [];
    }),
  ];
}
