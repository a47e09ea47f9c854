import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { API_ERRORS } from '../../src/api/errors';
import type { TestCluster } from './helpers/cluster';
import { RpcError } from './helpers/rpc';
import { contentOf } from './load/audit';
import { assertJudged } from './load/judge';
import type { JudgedLoad } from './load/judged-load';
import { RawClient } from './load/raw-client';
import { seedOf } from './load/seed';
import { withCluster } from './load/with-cluster';

const OPERATION_TIMEOUT_MS = 1500;
/** For the answer to arrive on a busy machine. */
const SLACK_MS = 3000;
/** At a time. */
const WRITES = 100;
const BACK_OFF_MS = 50;
/** Of a judged client: a hundred others are busy. */
const REST_MS = 50;
const MOST_KILLS = 10;
/** Makes votes take longer than promises, so that some are under way whenever the kill comes. */
const FILLER = 'v'.repeat(20_000);
const JUDGED_BEFORE = 20;
const JUDGED_AFTER = 20;
const SURVIVORS = [0, 1];
const VICTIMS = [2, 3, 4];

/** A put of a key of its own by a client of its own, and what came of it. */
interface Put {
  readonly params: { key: string; value: string; client: string; sequence: number };
  outcome: 'acknowledged' | 'absent for sure' | 'unknown' | undefined;
  durationMs: number;
}

function putOf(i: number): Put {
  return {
    params: { key: `during/${i}`, value: `value ${i} ${FILLER}`, client: `during-${i}`, sequence: 1 },
    outcome: undefined,
    durationMs: 0,
  };
}

async function send(raw: RawClient, server: number, put: Put): Promise<void> {
  const sentAt = performance.now();
  try {
    await raw.call(server, 'kv.put', put.params, 20_000);
    put.outcome = 'acknowledged';
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    put.outcome = (error.data as { definite: boolean }).definite ? 'absent for sure' : 'unknown';
  }
  put.durationMs = performance.now() - sentAt;
}

async function errorOf(
  call: Promise<unknown>,
): Promise<{ code: number; definite: boolean; durationMs: number }> {
  const sentAt = performance.now();
  const error: unknown = await call.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof RpcError)) throw error;
  expect(error.message.length).toBeGreaterThan(20);
  const { definite } = error.data as { definite: boolean };
  return { code: error.code, definite, durationMs: performance.now() - sentAt };
}

async function expectMinorityBehaviour(cluster: TestCluster, id: number): Promise<void> {
  const noQuorum = { code: API_ERRORS.noQuorum.code, definite: true };
  const [write, read, list] = await Promise.all([
    errorOf(cluster.rpc(id, 'kv.put', { key: `minority/${id}`, value: 'x' })),
    errorOf(cluster.rpc(id, 'kv.get', { key: 'before', read: 'linearizable' })),
    errorOf(cluster.rpc(id, 'kv.list', { read: 'linearizable' })),
  ]);
  for (const failed of [write, read, list]) {
    expect(failed).toMatchObject(noQuorum);
    expect(failed.durationMs).toBeLessThan(OPERATION_TIMEOUT_MS + SLACK_MS);
  }
  expect(await cluster.rpc(id, 'kv.get', { key: 'before' })).toMatchObject({
    found: true,
    value: 'the fault',
  });
  expect((await cluster.rpc(id, 'kv.list', { prefix: 'before' })).entries).toHaveLength(1);
  expect((await fetch(cluster.url(id, '/livez'))).status).toBe(200);
  await cluster.waitUntil('not ready', async () => (await fetch(cluster.url(id, '/readyz'))).status === 503);
}

/** Of what began and ended between two positions nothing succeeded but local reads, and something failed. */
function expectNothingAcknowledged(judged: JudgedLoad, from: number, to: number): void {
  expect(judged.acknowledged({ from, to })).toEqual([]);
  const ended = judged.ended.filter(({ begunAt, endedAt }) => begunAt >= from && endedAt < to);
  expect(ended.filter(({ outcome }) => outcome !== 'ok').length).toBeGreaterThan(0);
}

test('three of five down: writes fail in time and honestly, local reads answer, and a restart settles the rest', async () => {
  const seed = seedOf('npx jest test/e2e/quorum-loss.test.ts');
  const options = { arguments: ['--operation-timeout', `${OPERATION_TIMEOUT_MS}ms`] };
  await withCluster(options, async (cluster, _startLoad, startJudged) => {
    const raw = new RawClient(cluster.addresses, WRITES);
    try {
      await raw.call(0, 'kv.put', { key: 'before', value: 'the fault' }, 10_000);
      await cluster.waitEqual();
      const addresses = SURVIVORS.map((id) => cluster.address(id));
      const judged = startJudged({
        clients: 4,
        seed,
        name: 'minority',
        addresses,
        deadlineMs: 3000,
        restMs: REST_MS,
      });
      await judged.untilFurther(JUDGED_BEFORE);

      const written: Put[] = [];
      const of = (outcome: Put['outcome']): Put[] => written.filter((put) => put.outcome === outcome);
      let isKilled = false;
      // One after the other until one fails after the kill: before, a busy machine may be too slow for some.
      const write = async (server: number): Promise<void> => {
        let put: Put;
        do {
          put = putOf(written.length);
          written.push(put);
          await send(raw, server, put);
          // As a client does that is refused: a hundred that come back at once would keep the server busy with refusals.
          if (put.outcome !== 'acknowledged') await sleep(BACK_OFF_MS);
        } while (put.outcome === 'acknowledged' || !isKilled);
      };
      const killUnderWrites = async (): Promise<number> => {
        const before = of('acknowledged').length;
        isKilled = false;
        const sent = Array.from({ length: WRITES }, (_, i) => write(SURVIVORS[i % 2] ?? 0));
        await cluster.waitUntil('writes are acknowledged', () => of('acknowledged').length > before + WRITES);
        await cluster.kill9(...VICTIMS);
        isKilled = true;
        const killedAt = judged.now;
        await Promise.all(sent);
        return killedAt;
      };
      let quorumLost = await killUnderWrites();
      // A kill that met promises only, and no votes under way, leaves nothing unknown: then it takes another one.
      for (let kills = 1; of('unknown').length === 0; kills++) {
        expect(kills).toBeLessThan(MOST_KILLS);
        await cluster.restart(...VICTIMS);
        quorumLost = await killUnderWrites();
      }
      for (const { durationMs } of written) expect(durationMs).toBeLessThan(OPERATION_TIMEOUT_MS + SLACK_MS);

      await Promise.all(SURVIVORS.map((id) => expectMinorityBehaviour(cluster, id)));

      await cluster.waitUntil('a judged operation failed that began without a quorum', () =>
        judged.ended.some(({ begunAt, outcome }) => begunAt >= quorumLost && outcome !== 'ok'),
      );
      expectNothingAcknowledged(judged, quorumLost, judged.now);
      await cluster.restart(...VICTIMS);
      await judged.untilFurther(JUDGED_AFTER);
      await judged.stop();
      assertJudged('minority', judged.events, JUDGED_BEFORE + JUDGED_AFTER);
      await raw.call(2, 'kv.put', { key: 'after', value: 'the fault' }, 10_000);
      await cluster.waitEqual();
      const contents = await Promise.all(cluster.ids.map((id) => contentOf(cluster, id)));
      const [first = new Map<string, string>()] = contents;
      for (const content of contents) expect(content).toEqual(first);
      for (const { params } of of('acknowledged')) expect(first.get(params.key)).toBe(params.value);
      for (const { params } of of('absent for sure')) expect(first.has(params.key)).toBe(false);
      for (const id of SURVIVORS) expect(first.has(`minority/${id}`)).toBe(false);

      // Sent again, an unknown write takes effect now or gives its first result: it was never there before itself.
      for (const { params } of of('unknown'))
        expect(await raw.call(3, 'kv.put', params, 10_000)).toMatchObject({ replaced: false });
      await cluster.waitEqual();
      const settled = await contentOf(cluster, 4);
      for (const { params } of of('unknown')) expect(settled.get(params.key)).toBe(params.value);
    } finally {
      await raw.close();
    }
  });
}, 60_000);
