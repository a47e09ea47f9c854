import { afterEach, expect, jest, test } from '@jest/globals';
import { Log } from '../../src/server/logging';
import { InProcessCluster } from './helpers/cluster';
import { rpc } from './helpers/http';
import { waitFor } from './helpers/wait';

let cluster: InProcessCluster | undefined;

afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

const LEASE_MS = 3000;
const options = {
  configuration: { protocol: 'multi-paxos', leaseMs: LEASE_MS, maxClockDrift: 0.02 },
} as const;

async function heartbeatsSentBy(of: InProcessCluster, server: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${of.port(server)}/metrics`)).text();
  const labels = 'type="acceptor.heartbeat",kind="request",direction="sent"';
  return Number(new RegExp(`^synod_messages_total\\{${labels}\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

test('a new cluster waits for no lease; its leader reads alone, and the status tells so', async () => {
  const startedAt = performance.now();
  const three = (cluster = await InProcessCluster.start(options));
  expect(performance.now() - startedAt).toBeLessThan(LEASE_MS);
  const { leader, lease } = await three.status(0);
  expect(lease).toEqual({ durationMs: LEASE_MS, maxClockDrift: 0.02 });
  if (typeof leader !== 'number') throw new Error('nobody leads');
  await three.result(leader, 'kv.put', { key: 'a', value: '1' });
  const before = await heartbeatsSentBy(three, leader);
  const [reads, beganAt] = [200, performance.now()];
  for (let n = 0; n < reads; n++)
    expect(await three.result(leader, 'kv.get', { key: 'a', read: 'linearizable' })).toMatchObject({
      value: '1',
    });
  const beats = (performance.now() - beganAt) / 100;
  // The usual ones, to two followers, and a notice now and then: none for each read.
  expect((await heartbeatsSentBy(three, leader)) - before).toBeLessThan(4 * beats + 20);
});

test('after a restart of all nobody is elected before the leases that were granted are over', async () => {
  const three = (cluster = await InProcessCluster.start(options));
  await three.result(0, 'kv.put', { key: 'a', value: '1' });
  await three.stop(...three.ids);
  const stoppedAt = performance.now();
  await three.launch(...three.ids);
  await waitFor('a write', async () => {
    const reply = await rpc(three.port(0), 'kv.put', { key: 'a', value: '2' });
    return reply.error === undefined;
  });
  expect(performance.now() - stoppedAt).toBeGreaterThan(LEASE_MS);
});

test.each([
  ['another lease', { leaseMs: LEASE_MS / 2 }, `lease: ${LEASE_MS} ms here, ${LEASE_MS / 2} ms there`],
  ['another drift of clocks', { maxClockDrift: 0.2 }, 'clock drift: 0.02 here, 0.2 there'],
])('a server with %s does not serve in the cluster, and is told why', async (_, changes, says) => {
  const warn = jest.spyOn(Log.prototype, 'warn').mockImplementation(() => undefined);
  const three = (cluster = await InProcessCluster.start(options));
  await three.stop(2);
  await three.launchAs(2, changes);
  // The stopped one may have been the leader.
  await waitFor('a write of the others', async () => {
    const reply = await rpc(three.port(0), 'kv.put', { key: 'still', value: 'here' });
    return reply.error === undefined;
  });
  await waitFor('server 2 is told', () =>
    reasons(warn, 'no connection to server').some((r) => r.includes(says)),
  );
  // Those that refuse it say so too.
  expect(reasons(warn, 'no connection from server 2').some((r) => r.includes(says))).toBe(true);
  expect((await three.status(2)).peers.map((peer) => peer.reachable)).toEqual([false, false]);
  expect((await rpc(three.port(2), 'kv.get', { key: 'still' })).error?.message).toContain('not ready');
  warn.mockRestore();
});

function reasons(warn: jest.SpiedFunction<Log['warn']>, message: string): string[] {
  const calls = warn.mock.calls.filter(([said]) => said.startsWith(message));
  return calls.map(([, fields]) => String(fields?.['reason']));
}
