import { Agent, request } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { startCluster, type TestCluster } from '../helpers/cluster';
import { waitUntil } from '../helpers/wait';
import { Raw } from './raw';

let cluster: TestCluster | undefined;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
afterEach(async () => {
  await cluster?.close();
});

/** On one connection that is kept, as nobody else gets one. */
function get(port: number, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, agent }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (data: string) => (text += data));
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, text });
      });
    });
    outgoing.on('error', reject).end();
  });
}

async function metric(port: number, name: string): Promise<number> {
  const { text } = await get(port, '/metrics');
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

test('a server without a descriptor left says so, ends idle connections, and accepts again', async () => {
  cluster = await startCluster({
    servers: 1,
    wrap: (command) => ['sh', '-c', 'ulimit -n 100; exec "$@"', 'sh', ...command],
  });
  const port = cluster.port(0);
  expect((await get(port, '/readyz')).status).toBe(200);
  expect(await metric(port, 'synod_accepting_connections')).toBe(1);
  const crowd = await Promise.all(Array.from({ length: 300 }, () => Raw.open(port)));
  let text = '';
  await waitUntil(
    async () => {
      const answer = await get(port, '/readyz');
      text = answer.text;
      return answer.status === 503;
    },
    10_000,
    (last) => `readyz never failed: ${last}`,
  );
  expect(text).toContain('cannot accept connections');
  const left = (): number => crowd.filter((raw) => raw?.isOpen === true).length;
  await waitUntil(
    async () => (await get(port, '/readyz')).status === 200 && left() < 100,
    20_000,
    (last) => `${left()} connections are left: ${last}`,
  );
  const other = await Raw.open(port);
  await other?.send('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(await other?.until(() => other.answers === 1)).toBe(true);
  for (const raw of [...crowd, other]) raw?.socket.destroy();
}, 60_000);

test('a server whose event loop stood still for longer than the election time is not ready for a while', async () => {
  cluster = await startCluster({ servers: 1 });
  const port = cluster.port(0);
  await waitUntil(
    async () => (await get(port, '/readyz')).status === 200,
    20_000,
    (last) => last,
  );
  const before = await metric(port, 'synod_event_loop_blocks_total');
  const { pid } = cluster.process(0);
  cluster.pause(0);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  cluster.resume(0);
  let text = '';
  await waitUntil(
    async () => {
      text = (await get(port, '/readyz')).text;
      return text.includes('event loop');
    },
    10_000,
    (last) => `readyz never failed: ${last}`,
  );
  expect(await metric(port, 'synod_event_loop_blocks_total')).toBeGreaterThan(before);
  expect(await metric(port, 'synod_event_loop_longest_block_seconds')).toBeGreaterThan(0.6);
  await waitUntil(
    async () => (await get(port, '/readyz')).status === 200,
    20_000,
    (last) => last,
  );
  expect(cluster.process(0).pid).toBe(pid);
}, 60_000);
