import { afterEach, expect, test } from '@jest/globals';
import { InProcessCluster, expectStranger } from './helpers/cluster';
import { http } from './helpers/http';
import { waitFor } from './helpers/wait';

let cluster: InProcessCluster | undefined;

afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

test('a thrifty cluster with other quorums serves, tells of them, and is not ready without its phase 1', async () => {
  const three = (cluster = await InProcessCluster.start({
    ephemeral: true,
    configuration: { quorums: '3,1', thrifty: true },
  }));
  expect((await three.status(0)).quorums).toEqual({
    system: '3,1',
    thrifty: true,
    phase1: '3 of 3 servers',
    phase2: '1 of 3 servers',
    survives: { phase1: 0, phase2: 2, disks: 0 },
  });
  await three.result(0, 'kv.put', { key: 'a', value: 'b' });
  expect(await three.result(1, 'kv.get', { key: 'a', read: 'linearizable' })).toMatchObject({ value: 'b' });
  await three.stop(2);
  await waitFor('not ready', async () => (await readiness(three)).status === 503);
  expect((await readiness(three)).text).toBe('2 of 3 servers answer; needed: 3 of 3 servers\n');
});

test('a data folder is refused with other quorums than it was written under', async () => {
  const three = (cluster = await InProcessCluster.start({ configuration: { quorums: '3,1' } }));
  await three.result(0, 'kv.put', { key: 'a', value: 'b' });
  await three.stop(...three.ids);
  await expect(three.launchAs(0, { quorums: 'majority' })).rejects.toThrow(
    'the data folder belongs to quorums 3,1, not majority',
  );
});

test('servers with other quorums do not talk to each other', async () => {
  const three = (cluster = await InProcessCluster.prepare({ ephemeral: true }));
  await three.launch(0, 1);
  await three.launchAs(2, { quorums: '3,1' });
  await expectStranger(three);
});

test('quorums are looked at before a server starts', async () => {
  const three = (cluster = await InProcessCluster.prepare());
  expect(() => three.configuration(0, { quorums: '2,2' })).not.toThrow();
  expect(() => three.configuration(0, { quorums: '2,1' })).toThrow(
    'phase 1 could ask {0, 1} and phase 2 {2}',
  );
});

function readiness(of: InProcessCluster): ReturnType<typeof http> {
  return http(of.port(0), { method: 'GET', path: '/readyz' });
}
