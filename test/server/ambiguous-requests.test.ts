import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { API_ERRORS } from '../../src/api/errors';
import { startEndpoint, type TestEndpoint } from './helpers/endpoint';
import { post, rawConnection, rpc } from './helpers/http';
import { waitFor } from './helpers/wait';

let endpoint: TestEndpoint;
beforeAll(async () => {
  endpoint = await startEndpoint(new Map([['echo', (params: unknown) => Promise.resolve(params)]]), () =>
    Promise.resolve(null),
  );
});
afterAll(() => endpoint.close());

const body = '{"jsonrpc":"2.0","id":1,"method":"echo"}';

describe('what two readers could understand in two ways', () => {
  test('two Host headers are refused: another reader of the request could take the other one', async () => {
    const own = `127.0.0.1:${endpoint.port}`;
    for (const hosts of [
      [own, 'evil.example'],
      ['evil.example', own],
      [own, own],
    ]) {
      const socket = await rawConnection(endpoint.port);
      let text = '';
      socket.on('data', (data: Buffer) => (text += data.toString()));
      const lines = hosts.map((host) => `Host: ${host}\r\n`).join('');
      socket.write(
        `POST /rpc HTTP/1.1\r\n${lines}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      await waitFor('an answer', () => text.includes('}}'));
      socket.destroy();
      expect(text).toMatch(/^HTTP\/1.1 400 /);
      expect(text).toContain(String(API_ERRORS.forbiddenHost.code));
    }
  });

  test('refuses an id that would not come back as it was sent', async () => {
    for (const id of ['1e400', '-1e400', '12345678901234567890', JSON.stringify('x'.repeat(1025))]) {
      const { answer } = await post(endpoint.port, `{"jsonrpc":"2.0","id":${id},"method":"echo"}`);
      expect(answer).toMatchObject({ id: null, error: { code: API_ERRORS.invalidRequest.code } });
    }
    for (const id of [2 ** 53 - 1, 1.5, 'x'.repeat(1024)])
      expect(
        (await post(endpoint.port, JSON.stringify({ jsonrpc: '2.0', id, method: 'echo' }))).answer,
      ).toMatchObject({ id, result: {} });
  });

  test('after all of this the endpoint answers still', async () => {
    expect(await rpc(endpoint.port, 'echo', { still: 'here' })).toMatchObject({ result: { still: 'here' } });
  });
});
