import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { startCluster, type TestCluster } from './helpers/cluster';

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.close();
});

test.each(['paxos', 'multi-paxos'])(
  'a server of %s whose folder was put back to an older state is refused by name, and the others go on',
  async (protocol) => {
    const three = (cluster = await startCluster({ servers: 3, arguments: ['--protocol', protocol] }));
    const kept = join(three.root, 'kept');
    await three.rpc(1, 'kv.put', { key: 'a', value: 'before' });
    await three.stop(1);
    cpSync(three.dataFolder(1), kept, { recursive: true });
    three.launch(1);
    await three.untilReady(1);
    await three.rpc(1, 'kv.put', { key: 'a', value: 'since' });
    await three.kill9(1);
    rmSync(three.dataFolder(1), { recursive: true });
    cpSync(kept, three.dataFolder(1), { recursive: true });

    three.launch(1);
    const { code, refusal } = await three.process(1).exited;
    expect(code).toBe(2);
    expect(refusal).toMatch(/^server [02] knows newer data of server 1 \(generation \d+, now \d+\)/);
    expect(refusal).toContain('Start server 1 with the very folder that it ran with last');
    await three.waitUntil('a write of the others', async () => {
      await three.rpc(0, 'kv.put', { key: 'a', value: 'after' });
      return true;
    });
    expect(await three.rpc(2, 'kv.get', { key: 'a', read: 'linearizable' })).toMatchObject({
      value: 'after',
    });
  },
);
