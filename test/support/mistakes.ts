import { describe, expect, test } from '@jest/globals';
import type { Code } from '../../src/simulation/museum/code';
import { loadMutant, type Edit } from '../../src/simulation/museum/mutant';
import type { Link, PlannedClient, PlannedRequest, Scenario } from '../../src/simulation/scenario';
import type { Site } from './watchers';

/** Files of the source, and what they hold. */
export const API = 'server/client-api.ts';
export const GET = "'kv.get': async ({ key, read }) => {";
export const MEMBER = 'server/member.ts';
export const ORACLE = 'simulation/oracle.ts';
export const REPLICA = 'protocols/paxos/replica.ts';
export const STORE = 'kv/store.ts';
/** What a mistake does. */
export const NEVER = 'await new Promise(() => undefined);';
export const DEFECT = "throw new Error('a defect');";

export const PUT: PlannedRequest = { afterMs: 100, op: 'put', key: 'k' };
export const DELETE: PlannedRequest = { afterMs: 100, op: 'delete', key: 'k' };
/** Of a key that a mistake may treat worse than others. */
export const GET_STUCK: PlannedRequest = { afterMs: 100, op: 'get', key: 'stuck', read: 'linearizable' };
export const READ_STUCK: PlannedRequest = { ...GET_STUCK, read: 'local' };
const GET_K: PlannedRequest = { ...GET_STUCK, key: 'k' };
const LIST: PlannedRequest = { afterMs: 100, op: 'list', prefix: '', limit: 10, read: 'linearizable' };

/** A client that asks for these, one after the other, and takes its time. */
export function client(
  requests: readonly PlannedRequest[],
  changes: Partial<PlannedClient> = {},
): PlannedClient {
  return {
    servers: [0, 1],
    deadlineMs: 600_000,
    attemptTimeoutMs: 1500,
    broadcast: false,
    echo: 0,
    requests,
    ...changes,
  };
}

/** Three servers to which nothing happens. */
export const CALM: Scenario = {
  seed: 1,
  protocol: 'paxos',
  variation: { logSlots: 10_000, pieceSlots: 1000 },
  servers: 3,
  quorums: 'majority',
  thrifty: false,
  safetyMs: 2000,
  network: { latencyMs: 1, jitterMs: 0.1, loss: 0, duplication: 0, late: 0, lateMs: 0 },
  syncMs: 0.1,
  operationTimeoutMs: 1000,
  acceptorFailure: 0,
  clients: [client([PUT, GET_K, PUT, LIST])],
  faults: [],
  core: [0, 1],
};

/** Server 2 neither hears nor is heard until the end. */
export const LONELY: Scenario = {
  ...CALM,
  variation: { logSlots: 2, pieceSlots: 1 },
  clients: [client(Array.from({ length: 8 }, () => PUT))],
  faults: [
    {
      kind: 'partition',
      atMs: 0,
      shape: 'isolated',
      cut: [0, 1].flatMap((other): Link[] => [
        [other, 2],
        [2, other],
      ]),
      forMs: 600_000,
    },
  ],
};

/** Puts one text in the place of another in a file below src/. */
export function edit(file: string, find: string, replace: string): Edit {
  return { file, find, replace };
}

/** A mistake, and the watcher that notices it. */
export interface Mistake {
  readonly what: string;
  readonly edits: readonly Edit[];
  readonly scenario?: Scenario;
  /** How the failure begins. */
  readonly noticed: string;
  /** Without any of these calls it is not: file below src/simulation, and how the call begins. */
  readonly by: readonly (readonly [file: string, call: string])[];
}

/** Reads show what nobody wrote. */
export const LYING_READS = edit(API, 'value, applied };', "value: value + '?', applied };");

/** What is wrong with a run of the code with these edits. */
export async function failureWith(scenario: Scenario, edits: readonly Edit[]): Promise<string> {
  const [{ runScenario }] = loadMutant(['simulation/run.ts'], edits) as [Code];
  return (await runScenario(scenario)).failure?.message ?? 'nothing';
}

/** Each mistake is noticed, and by the watchers named for it; and each of `sites` is named for a mistake. */
export function makeMistakes(mistakes: readonly Mistake[], sites: readonly Site[]): void {
  const at = ([file, call]: Mistake['by'][number]): Site[] =>
    sites.filter(({ off, text }) => off.file === `simulation/${file}` && text.startsWith(call));

  describe.each(mistakes)('$what', ({ edits, scenario = CALM, noticed, by }) => {
    test(`is noticed: ${noticed}`, async () => {
      expect(await failureWith(scenario, edits)).toMatch(noticed);
    });

    test.each(by)('is not, with the watcher in %s switched off: %s', async (...watcher) => {
      const found = at(watcher);
      expect(found).toHaveLength(1);
      const off = found.map((site) => site.off);
      expect(await failureWith(scenario, [...off, ...edits])).not.toMatch(noticed);
    });
  });

  test('every watcher has a mistake that it notices', () => {
    const tested = mistakes.flatMap(({ by }) => by.flatMap(at));
    expect(sites.filter((site) => !tested.includes(site)).map(({ name, text }) => [name, text])).toEqual([]);
  });
}
