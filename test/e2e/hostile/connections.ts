import { setTimeout as sleep } from 'node:timers/promises';
import { cut, pick, together, type Attack, type Counts, type Target } from './attack';
import { H2C, WEBSOCKET, callOf, getOf, postOf, type Raw } from './raw';

const BODY = callOf('kv.get', { key: 'good' });

/** Every request that offers an upgrade, and some that do not. */
function anyRequest({ port, random }: Target): string {
  return pick<() => string>(random, [
    () => getOf(port, '/livez'),
    () => getOf(port, '/livez', H2C),
    () => getOf(port, '/rpc', H2C),
    () => getOf(port, '/rpc', WEBSOCKET),
    () => getOf(port, '/metrics', WEBSOCKET),
    () => postOf(port, BODY),
    () => postOf(port, BODY, { headers: H2C }),
    () => postOf(port, BODY, { headers: WEBSOCKET }),
    () => postOf(port, BODY, { length: BODY.length + 100, headers: H2C }),
    () => `POST /rpc HTTP/1.1\r\nHost: x\r\n${H2C}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    () => `CONNECT ${port}:1 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
    () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ])();
}

export async function leave(raw: Raw, how: 'end' | 'destroy' | 'reset' | 'stay'): Promise<void> {
  if (how === 'end') raw.socket.end();
  if (how === 'destroy') raw.socket.destroy();
  if (how === 'reset') raw.socket.resetAndDestroy();
  await sleep(1);
}

/** Two pipelined offers of HTTP/2, and a plain request when both seem over. */
export const upgradeThenPlain: Attack = {
  name: 'offers of HTTP/2, then a plain request',
  async run(target) {
    let answers = 0;
    await together(target.size(4, 20), 4, async () => {
      const raw = await target.open();
      await raw?.send(getOf(target.port, '/livez', H2C).repeat(2));
      await raw?.until(() => !raw.isOpen || raw.answers >= 2, 400);
      await raw?.send(getOf(target.port, '/livez'));
      await raw?.until(() => !raw.isOpen || raw.answers >= 3, 500);
      answers += raw?.answers ?? 0;
    });
    return { answers };
  },
};

/** Requests with and without upgrades in any order, cut anywhere, left in any way. */
export const upgradesInAnyOrder: Attack = {
  name: 'upgrades in any order, cut anywhere',
  async run(target) {
    const counts = { connections: 0, requests: 0, answers: 0, closed: 0 };
    await together(target.size(150, 3000), 20, async () => {
      const { random } = target;
      const requests = Array.from({ length: random.int(1, 6) }, () => anyRequest(target));
      const how = pick(random, ['end', 'destroy', 'reset', 'stay']);
      const pieces = cut(random, requests.join(''), random.int(1, 4));
      const pausesMs = pieces.map(() => random.int(0, 20));
      const raw = await target.open();
      if (raw === undefined) return;
      counts.connections++;
      counts.requests += requests.length;
      for (const [i, piece] of pieces.entries()) {
        await raw.send(piece);
        await sleep(pausesMs[i]);
      }
      if (how === 'stay') await raw.until(() => raw.answers > 0 || !raw.isOpen, 500);
      await leave(raw, how);
      counts.answers += raw.answers;
      counts.closed += Number(!raw.isOpen);
    });
    return counts;
  },
};

/** Pipelined offers of HTTP/2, closed before they are answered: no descriptor may stay behind. */
export const abandonedUpgrades: Attack = {
  name: 'pipelined offers of HTTP/2, then closed',
  async run(target) {
    let connections = 0;
    await together(target.size(300, 4000), 50, async () => {
      const raw = await target.open();
      if (raw === undefined) return;
      connections++;
      await raw.send(getOf(target.port, '/livez', H2C).repeat(target.random.int(3, 5)));
      raw.socket.end();
      await sleep(2);
      raw.socket.destroy();
    });
    return { connections };
  },
};

/** A request cut at any byte, after which one half is closed, both are, or neither. */
export const halfRequests: Attack = {
  name: 'half-open and half-closed connections',
  async run(target) {
    const counts = { connections: 0, halfClosed: 0, left: 0 };
    const request = postOf(target.port, BODY);
    await together(target.size(request.length, request.length * 4), 50, async (index) => {
      const how = pick(target.random, ['end', 'destroy', 'reset', 'stay']);
      const raw = await target.open();
      if (raw === undefined) return;
      counts.connections++;
      counts.halfClosed += Number(how === 'end');
      counts.left += Number(how === 'stay');
      await raw.send(request.slice(0, index % request.length));
      await leave(raw, how);
    });
    return counts;
  },
};

/** Thousands of connections that say nothing, or once something and then nothing. */
export const flood: Attack = {
  name: 'a flood of connections',
  async run(target) {
    const counts = { connections: 0, spoke: 0 };
    await together(target.size(600, 4500), 100, async () => {
      const speaks = target.random.chance(0.5);
      const raw = await target.open();
      if (raw === undefined) return;
      counts.connections++;
      if (!speaks) return;
      await raw.send(getOf(target.port, '/livez'));
      counts.spoke++;
    });
    await sleep(target.size(200, 3000));
    return counts;
  },
};

/** Many requests at once on one connection: each is answered, in order. */
export const pipelining: Attack = {
  name: 'pipelining',
  async run(target) {
    const counts = { requests: 0, answers: 0 };
    await together(target.size(4, 20), 4, async () => {
      const many = target.random.int(200, 1000);
      const raw = await target.open();
      if (raw === undefined) return;
      const requests = Array.from({ length: many }, (_, i) =>
        postOf(target.port, callOf('kv.get', { key: 'x' }, i)),
      );
      await raw.send(requests.join(''));
      await raw.until(() => !raw.isOpen || raw.answers >= many, 5000);
      const ids = [...raw.text.matchAll(/"id":(\d+)/g)].map(([, id]) => Number(id));
      if (ids.some((id, i) => id !== i)) throw new Error('answers are out of order');
      counts.requests += many;
      counts.answers += ids.length;
    });
    return counts;
  },
};

/** So many of each answer's status, for what an attack counts. */
export function statuses(raws: readonly (Raw | undefined)[]): Counts {
  const counts: Record<string, number> = {};
  for (const raw of raws)
    for (const [, status = ''] of raw?.text.matchAll(/HTTP\/1\.1 (\d{3}) /g) ?? [])
      counts[`status ${status}`] = (counts[`status ${status}`] ?? 0) + 1;
  return counts;
}
