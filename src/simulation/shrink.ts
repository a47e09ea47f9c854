import type { Fault, PlannedClient, Scenario } from './scenario';
import { FIRST_CLIENT } from './virtual-time';

/** Whether the scenario still fails in the same way. */
export type StillFails = (scenario: Scenario) => Promise<boolean>;

type Candidates = (scenario: Scenario) => Iterable<Scenario>;

/**
 * Makes a failing scenario smaller for as long as it fails: fewer servers, clients, operations and faults, better weather.
 * Each accepted step starts a new round; it ends when no step is left or `mostRuns` are spent. Greedy: the result
 * is small, not the smallest.
 */
export async function shrink(
  scenario: Scenario,
  stillFails: StillFails,
  mostRuns: number,
): Promise<{ scenario: Scenario; runs: number }> {
  let smallest = scenario;
  let runs = 0;
  for (let progress = true; progress;) {
    progress = false;
    for (const candidates of STEPS) {
      // A step that helped is tried on its own result again.
      for (let helped = true; helped;) {
        helped = false;
        for (const candidate of candidates(smallest)) {
          if (runs >= mostRuns) return { scenario: smallest, runs };
          runs++;
          if (!(await stillFails(candidate))) continue;
          smallest = candidate;
          progress = helped = true;
          break;
        }
      }
    }
  }
  return { scenario: smallest, runs };
}

const STEPS: readonly Candidates[] = [
  fewerFaults,
  fewerServers,
  fewerClients,
  fewerRequests,
  betterWeather,
  simplerClients,
  plainerState,
  shorter,
];

/** Lists with ever smaller parts left out: halves, quarters, ... single items. */
function* without<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let size = items.length; size >= 1; size = Math.floor(size / 2))
    for (let at = 0; at < items.length; at += size) yield [...items.slice(0, at), ...items.slice(at + size)];
}

function* fewerFaults(scenario: Scenario): Generator<Scenario> {
  for (const faults of without(scenario.faults)) yield { ...scenario, faults };
}

function* fewerServers(scenario: Scenario): Generator<Scenario> {
  // Other quorums belong to their number of servers.
  if (scenario.quorums !== 'majority') return;
  for (const servers of [1, 3, 5]) {
    if (servers >= scenario.servers) return;
    const isLeft = (server: number): boolean => server < servers;
    const clients = scenario.clients.map((client) => {
      const left = client.servers.filter(isLeft);
      return { ...client, servers: left.length > 0 ? left : [0] };
    });
    const faults = keepQuorum(
      scenario.faults.flatMap((fault) => ofServers(fault, servers)),
      servers,
    );
    const wiped = faults.flatMap((fault) => (fault.kind === 'wiped disk' ? [fault.server] : []));
    const able = Array.from({ length: servers }, (_, id) => id).filter((id) => !wiped.includes(id));
    const core = able.slice(0, Math.floor(servers / 2) + 1);
    const forming = scenario.forming && {
      ...scenario.forming,
      faults: scenario.forming.faults.flatMap((fault) => ofServers(fault, servers)),
    };
    yield { ...scenario, servers, clients, core, faults, ...(forming && { forming }) };
  }
}

/** Fewer than half of the servers may lose their disks: more is no cluster that anybody promised anything for. */
function keepQuorum(faults: readonly Fault[], servers: number): Fault[] {
  let left = Math.floor((servers - 1) / 2);
  return faults.filter((fault) => fault.kind !== 'wiped disk' || left-- > 0);
}

/** The fault as far as it concerns the first `servers` servers. */
function ofServers(fault: Fault, servers: number): Fault[] {
  if (fault.kind === 'quorum moves') {
    const restarted = fault.restarted.filter((server) => server < servers);
    return fault.server < servers ? [{ ...fault, restarted }] : [];
  }
  if ('server' in fault) return fault.server < servers ? [fault] : [];
  if (fault.kind === 'crash') {
    const left = fault.servers.filter((server) => server < servers);
    return left.length > 0 ? [{ ...fault, servers: left }] : [];
  }
  if ('spared' in fault) return [{ ...fault, spared: fault.spared.filter((server) => server < servers) }];
  if ('connections' in fault) {
    const connections = fault.connections.filter((link) => link.every((place) => place < servers));
    return connections.length > 0 ? [{ ...fault, connections }] : [];
  }
  if (!('cut' in fault)) return [fault];
  const cut = fault.cut.filter((link) => link.every((place) => place < servers || place >= FIRST_CLIENT));
  return cut.length > 0 ? [{ ...fault, cut }] : [];
}

function* fewerClients(scenario: Scenario): Generator<Scenario> {
  for (const clients of without(scenario.clients)) if (clients.length > 0) yield { ...scenario, clients };
}

function* fewerRequests(scenario: Scenario): Generator<Scenario> {
  for (const [index, client] of scenario.clients.entries())
    for (const requests of without(client.requests))
      if (requests.length > 0)
        yield withClient(scenario, index, { ...client, requests: keepTimes(client, requests) });
}

/** The pauses of the requests that are left out are added to the next one, so that the others keep their time. */
function keepTimes({ requests }: PlannedClient, left: PlannedClient['requests']): PlannedClient['requests'] {
  const kept = new Set(left);
  let skippedMs = 0;
  return requests.flatMap((request) => {
    if (!kept.has(request)) {
      skippedMs += request.afterMs;
      return [];
    }
    const moved = { ...request, afterMs: request.afterMs + skippedMs };
    skippedMs = 0;
    return [moved];
  });
}

function withClient(scenario: Scenario, index: number, client: PlannedClient): Scenario {
  return { ...scenario, clients: scenario.clients.map((each, i) => (i === index ? client : each)) };
}

function* betterWeather(scenario: Scenario): Generator<Scenario> {
  for (const kind of ['loss', 'duplication', 'late'] as const)
    if (scenario.network[kind] > 0) yield { ...scenario, network: { ...scenario.network, [kind]: 0 } };
  const { veryLate, ...network } = scenario.network;
  if (veryLate !== undefined) yield { ...scenario, network };
  const { limits, ...variation } = scenario.variation;
  if (limits !== undefined) yield { ...scenario, variation };
  if (scenario.acceptorFailure > 0) yield { ...scenario, acceptorFailure: 0 };
  if (scenario.thrifty) yield { ...scenario, thrifty: false };
  const { lease, ...withoutLease } = scenario;
  if (lease !== undefined) yield withoutLease;
  if (scenario.syncMs > 0.1) yield { ...scenario, syncMs: 0.1 };
}

function* simplerClients(scenario: Scenario): Generator<Scenario> {
  for (const [index, client] of scenario.clients.entries()) {
    if (client.echo > 0) yield withClient(scenario, index, { ...client, echo: 0 });
    if (client.heldUp !== undefined && client.heldUp > 0)
      yield withClient(scenario, index, { ...client, heldUp: 0 });
    if (client.followLeader) yield withClient(scenario, index, { ...client, followLeader: false });
    if (client.broadcastReads) yield withClient(scenario, index, { ...client, broadcastReads: false });
    if (client.broadcast) yield withClient(scenario, index, { ...client, broadcast: false });
    if (client.servers.length > 1)
      yield withClient(scenario, index, { ...client, servers: client.servers.slice(0, 1) });
  }
}

function* plainerState(scenario: Scenario): Generator<Scenario> {
  const { forming, state, ...rest } = scenario;
  if (forming !== undefined) {
    yield { ...rest, ...(state && { state }) };
    for (const faults of without(forming.faults)) yield { ...scenario, forming: { ...forming, faults } };
  }
  if (state === undefined) return;
  yield { ...rest, ...(forming && { forming }) };
  for (const initial of without(state.initial)) yield { ...scenario, state: { ...state, initial } };
}

function* shorter(scenario: Scenario): Generator<Scenario> {
  for (const share of [0.25, 0.5, 0.75, 0.9]) {
    const safetyMs = Math.ceil(scenario.safetyMs * share);
    if (safetyMs < scenario.safetyMs) yield { ...scenario, safetyMs };
  }
}
