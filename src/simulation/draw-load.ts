import type { Random } from '../core/environment';
import type { ReadLevel } from '../history/history';
import { pick, shuffled } from './random-picks';
import type { PlannedClient, PlannedRequest, Scenario } from './scenario';

/** The deadlines of a client that was given none. */
const DEFAULTS = { deadlineMs: 10_000, attemptTimeoutMs: 5000 };
/** Servers keep the results of 64 writes of a client: more than that are begun in a stream. */
const STREAM = { least: 60, most: 110 };

const READS_BESIDE_WRITES_IN_RUNS = 0.15;

type Manner = (random: Random, client: PlannedClient, hotKey: string) => PlannedClient;

/** Each is in some runs, and there in some clients. */
const MANNERS: readonly { readonly manner: Manner; readonly inRuns: number; readonly ofClients: number }[] = [
  { manner: asShipped, inRuns: 0.4, ofClients: 0.5 },
  { manner: withBursts, inRuns: 0.15, ofClients: 0.4 },
  { manner: withStream, inRuns: 0.08, ofClients: 0.3 },
  { manner: withReadsTogether, inRuns: 0.1, ofClients: 0.5 },
  { manner: withoutSessions, inRuns: 0.3, ofClients: 0.5 },
  { manner: withEmptyValues, inRuns: 0.25, ofClients: 0.5 },
  { manner: withCancels, inRuns: 0.25, ofClients: 0.5 },
  { manner: readingEverywhere, inRuns: 0.15, ofClients: 0.4 },
  { manner: heldUp, inRuns: 0.25, ofClients: 0.5 },
  { manner: askingForStatus, inRuns: 0.2, ofClients: 0.5 },
];

/** The clients, with what makes their load more than one plain operation after the other. `read`: of all reads, not drawn. */
export function drawLoad(
  random: Random,
  clients: readonly PlannedClient[],
  hotKey: string,
  read: ReadLevel | undefined,
): PlannedClient[] {
  // The shipped client follows the leader unless told otherwise.
  const followers = random.fork('followers');
  const drawn = clients.map((client) => ({ ...client, followLeader: followers.chance(0.7) }));
  const inStep = drawReadsBesideWrites(random.fork('reads beside writes'), drawn, hotKey);
  const loaded = MANNERS.reduce<PlannedClient[]>((some, { manner, inRuns, ofClients }, index) => {
    const stream = random.fork(`manner ${index}`);
    if (!stream.chance(inRuns)) return some;
    return some.map((client) => (stream.chance(ofClients) ? manner(stream, client, hotKey) : client));
  }, inStep);
  if (read === undefined) return loaded;
  return loaded.map((client) =>
    change(client, (request) => ('read' in request ? { ...request, read } : request)),
  );
}

/** At the start one client reads a key again and again, without waiting, while another one writes it by another server. */
function drawReadsBesideWrites(
  random: Random,
  clients: readonly PlannedClient[],
  hotKey: string,
): PlannedClient[] {
  if (!random.chance(READS_BESIDE_WRITES_IN_RUNS)) return [...clients];
  const everyMs = pick(random, [2, 8]);
  const afterMs = (): number => -Math.log(1 - random.float()) * everyMs;
  const reads = Array.from({ length: random.int(20, 50) }, (): PlannedRequest => {
    return { op: 'get', key: hotKey, read: 'linearizable', alongside: true, afterMs: afterMs() };
  });
  const writes = Array.from({ length: random.int(10, 25) }, (): PlannedRequest => {
    return { op: 'put', key: hotKey, afterMs: afterMs() };
  });
  const [reader, writer] = shuffled(random, [...clients.keys()]);
  return clients.map((client, index) => {
    if (index === writer) return { ...client, requests: [...writes, ...client.requests] };
    return index === reader ? { ...client, requests: [...reads, ...client.requests] } : client;
  });
}

/** How often the digest of the stores is asked for. */
export function drawDigestSlots(random: Random): Pick<Scenario, 'digestSlots'> {
  const digestSlots = pick(random, [1, 1, 3, 20, 1000]);
  return digestSlots === 1 ? {} : { digestSlots };
}

function asShipped(_: Random, client: PlannedClient): PlannedClient {
  return { ...client, ...DEFAULTS, followLeader: true, broadcast: false };
}

/** Now and then many operations at once. */
function withBursts(random: Random, client: PlannedClient): PlannedClient {
  const most = pick(random, [4, 12, 40]);
  return insert(random, client, 0.15, () =>
    Array.from({ length: random.int(2, most) }, () => busyWrite(random, 0)),
  );
}

/** Once, more writes than a window holds, so fast that some are still under way when the last begins. */
function withStream(random: Random, client: PlannedClient): PlannedClient {
  const everyMs = pick(random, [2, 10]);
  const at = random.int(0, client.requests.length - 1);
  const stream = Array.from({ length: random.int(STREAM.least, STREAM.most) }, () =>
    busyWrite(random, -Math.log(1 - random.float()) * everyMs),
  );
  return {
    ...client,
    heldUp: Math.max(client.heldUp ?? 0, 0.03),
    requests: [...client.requests.slice(0, at), ...stream, ...client.requests.slice(at)],
  };
}

function busyWrite(random: Random, afterMs: number): PlannedRequest {
  const key = `b/${random.int(0, 15)}`;
  const common = { afterMs, key, alongside: true } as const;
  return random.chance(0.9)
    ? { ...common, op: 'put' }
    : { ...common, op: 'compareAndSet', expect: 'seen', deletes: false };
}

/** Reads that begin before others at the same server have ended. */
function withReadsTogether(random: Random, client: PlannedClient, hotKey: string): PlannedClient {
  const everyMs = pick(random, [0.5, 3, 15]);
  return insert(random, client, 0.2, () =>
    Array.from({ length: random.int(3, 10) }, () => ({
      ...{ op: 'get', key: hotKey, read: 'linearizable', alongside: true },
      afterMs: -Math.log(1 - random.float()) * everyMs,
    })),
  );
}

function withoutSessions(random: Random, client: PlannedClient): PlannedClient {
  const share = pick(random, [0.2, 0.9]);
  return change(client, (request) =>
    isWrite(request) && random.chance(share) ? { ...request, unsessioned: true } : request,
  );
}

function withEmptyValues(random: Random, client: PlannedClient): PlannedClient {
  return change(client, (request) =>
    isWrite(request) && request.op !== 'delete' && random.chance(0.15)
      ? { ...request, empty: true }
      : request,
  );
}

function withCancels(random: Random, client: PlannedClient): PlannedClient {
  const meanMs = pick(random, [2, 50, 1000]);
  return change(client, (request) =>
    request.op !== 'status' && random.chance(0.3)
      ? { ...request, cancelAfterMs: -Math.log(1 - random.float()) * meanMs }
      : request,
  );
}

function readingEverywhere(_: Random, client: PlannedClient): PlannedClient {
  return { ...client, broadcastReads: true };
}

function heldUp(random: Random, client: PlannedClient): PlannedClient {
  return { ...client, heldUp: pick(random, [0.02, 0.1]) };
}

function askingForStatus(random: Random, client: PlannedClient): PlannedClient {
  return insert(random, client, 0.3, () => [{ afterMs: random.float() * 50, op: 'status' }]);
}

function isWrite({ op }: PlannedRequest): boolean {
  return op === 'put' || op === 'delete' || op === 'compareAndSet';
}

function change(client: PlannedClient, by: (request: PlannedRequest) => PlannedRequest): PlannedClient {
  return { ...client, requests: client.requests.map(by) };
}

/** Others, before some of the client's requests that wait for those before them. */
function insert(
  random: Random,
  client: PlannedClient,
  share: number,
  others: () => readonly PlannedRequest[],
): PlannedClient {
  return {
    ...client,
    requests: client.requests.flatMap((request) =>
      request.alongside !== true && random.chance(share) ? [...others(), request] : [request],
    ),
  };
}
