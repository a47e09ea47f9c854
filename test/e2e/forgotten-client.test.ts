import { expect, test } from '@jest/globals';
import { connect } from '../../src';
import { API_ERRORS } from '../../src/api/errors';
import { PROTOCOLS } from '../../src/protocols/registry';
import { startCluster } from './helpers/cluster';
import { RpcError } from './helpers/rpc';

const { staleSequence, staleEpoch } = API_ERRORS;
/** Few, so that clients are forgotten quickly. */
const SESSION_CLIENTS = 5;
const WITHIN_MS = 60_000;

test.each(Object.keys(PROTOCOLS))(
  'with %s a write that waited at a stopped server does not take effect again after its client was forgotten',
  async (protocol) => {
    const cluster = await startCluster({
      servers: 3,
      arguments: ['--protocol', protocol, '--session-clients', String(SESSION_CLIENTS)],
    });
    try {
      const asleep = (await cluster.status(0)).leader === 0 ? 1 : 0;
      const awake = cluster.ids.filter((id) => id !== asleep);
      const ada = { key: 'x', value: '1', client: 'ada', sequence: 1 };
      cluster.pause(asleep);
      // Its request lies in the socket of the stopped server.
      let isAnswered = false;
      const late = cluster
        .rpc(asleep, 'kv.put', ada, WITHIN_MS)
        .catch((error: unknown) => error)
        .finally(() => (isAnswered = true));
      const first = await cluster.rpc(awake[0]!, 'kv.put', ada);
      await cluster.rpc(awake[1]!, 'kv.put', { key: 'x', value: '2', client: 'bob', sequence: 1 });

      let clients = 0;
      await cluster.waitUntil(
        'clients are forgotten',
        async () => {
          const client = connect({ servers: awake.map((id) => cluster.address(id)) });
          await client.put('filler', String(++clients)).finally(() => client.close());
          return (await cluster.status(awake[0]!)).sessions.epoch >= 3;
        },
        WITHIN_MS,
      );
      expect(clients).toBeGreaterThanOrEqual(2 * SESSION_CLIENTS);

      expect(isAnswered).toBe(false);
      cluster.resume(asleep);
      const told = await late;
      // Its first result, if the server came to it while it was catching up.
      if (told instanceof RpcError) expect([staleSequence.code, staleEpoch.code]).toContain(told.code);
      else expect(told).toEqual(first);
      const read = await cluster.rpc(asleep, 'kv.get', { key: 'x', read: 'linearizable' });
      expect(read).toMatchObject({ value: '2' });
    } finally {
      await cluster.close();
    }
  },
  90_000,
);
