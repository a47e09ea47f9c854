import { setTimeout as sleep } from 'node:timers/promises';
import { cut, pick, together, type Attack, type Target } from './attack';
import { statuses } from './connections';
import { callOf, postOf, type Raw } from './raw';

const LARGE = 8_300_000;
const MIB = 1024 * 1024;
/** What was written stays in the store, in the log, and in the journals until they are folded. */
const WRITTEN_MIB = 400;

async function each(
  target: Target,
  count: number,
  width: number,
  work: (raw: Raw, index: number) => Promise<void>,
): Promise<Raw[]> {
  const raws: Raw[] = [];
  await together(count, width, async (index) => {
    const raw = await target.open();
    if (raw === undefined) return;
    raws.push(raw);
    await work(raw, index);
  });
  return raws;
}

/** Large requests that are refused, one after the other, on connections that stay open. */
export const refusedBodies: Attack = {
  name: 'refused bodies of 8.3 MB, connections kept',
  async run(target) {
    const body = `[${' '.repeat(LARGE)}]`;
    const raws = await each(target, target.size(20, 100), 1, async (raw) => {
      await raw.send(postOf(target.port, body));
      await raw.until(() => raw.answers > 0 || !raw.isOpen, 10_000);
    });
    return { ...statuses(raws), kept: raws.filter(({ isOpen }) => isOpen).length };
  },
};

/** Bodies of 1 MiB without their last byte. */
export const unfinishedBodies: Attack = {
  name: 'unfinished bodies of 1 MiB',
  async run(target) {
    const request = Buffer.from(postOf(target.port, ' '.repeat(MIB), { length: MIB + 1 }));
    const raws = await each(target, target.size(200, 1500), 20, async (raw) => {
      await Promise.race([raw.send(request), sleep(5000)]);
    });
    return { connections: raws.length };
  },
};

/** Bodies that come byte by byte, in many chunks, or with pauses. */
export const dribbledBodies: Attack = {
  name: 'bodies that dribble',
  async run(target) {
    const { port, random } = target;
    let pieces = 0;
    const raws = await each(target, target.size(60, 600), 60, async (raw) => {
      const body = callOf('kv.put', { key: `dribbled ${random.int(1, 9)}`, value: 'v' });
      const chunked = `POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
      const text = random.chance(0.5)
        ? postOf(port, body)
        : `${chunked}${body.replaceAll(/./g, (c) => `1\r\n${c}\r\n`)}0\r\n\r\n`;
      for (const piece of cut(random, text, random.int(2, 40))) {
        await raw.send(piece);
        pieces++;
        await sleep(random.int(0, 3));
      }
      await raw.until(() => raw.answers > 0 || !raw.isOpen);
    });
    return { pieces, ...statuses(raws) };
  },
};

/** Batches as large as they may be, all valid, all at once. */
export const largeBatches: Attack = {
  name: 'valid batches of 8.3 MB at once',
  keptMib: WRITTEN_MIB,
  isLongOnly: true,
  async run(target) {
    const value = 'x'.repeat(8200);
    const calls = Array.from({ length: 1000 }, (_, i) => callOf('kv.put', { key: `b${i}`, value }, i));
    const request = Buffer.from(postOf(target.port, `[${calls.join()}]`));
    const raws = await each(target, target.size(12, 200), 200, async (raw) => {
      await Promise.race([raw.send(request), sleep(30_000)]);
      await raw.until(() => raw.answers > 0 || !raw.isOpen, 30_000);
    });
    return { sent: raws.length, ...statuses(raws), ...outcomes(raws) };
  },
};

/** Twenty batches of a thousand puts of 8 KB: each is done or surely refused. */
export const putBatches: Attack = {
  name: '20 batches of 1,000 puts of 8 KB',
  keptMib: WRITTEN_MIB,
  isLongOnly: true,
  async run(target) {
    const value = 'x'.repeat(8000);
    const raws = await each(target, 20, 20, async (raw, index) => {
      const calls = Array.from({ length: 1000 }, (_, i) =>
        callOf('kv.put', { key: `${index}/${i}`, value }, i),
      );
      await raw.send(postOf(target.port, `[${calls.join()}]`));
      await raw.until(() => raw.answers > 0 || !raw.isOpen, 30_000);
      await raw.until(() => raw.text.trimEnd().endsWith(']') || raw.text.trimEnd().endsWith('}'), 5000);
    });
    return outcomes(raws);
  },
};

function outcomes(raws: readonly Raw[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { text } of raws) {
    const done = text.match(/"replaced":/g)?.length ?? 0;
    if (done > 0) counts['done'] = (counts['done'] ?? 0) + done;
    for (const [, name = ''] of text.matchAll(/"name":"([^"]+)"/g)) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** One request with half a million parameters that do not exist. */
export const unknownParameters: Attack = {
  name: '500,000 unknown parameters',
  async run(target) {
    const names = Array.from({ length: 500_000 }, (_, i) => `"p${i}":0`).join();
    const body = `{"jsonrpc":"2.0","id":1,"method":"kv.get","params":{${names}}}`;
    const raws = await each(target, target.size(1, 4), 1, async (raw) => {
      await raw.send(postOf(target.port, body));
      await raw.until(() => raw.answers > 0 || !raw.isOpen, 60_000);
    });
    return { ...statuses(raws), sent: raws.length };
  },
};

/** Questions whose answers nobody reads. */
export const unreadAnswers: Attack = {
  name: 'answers of 4 MiB that nobody reads',
  async run(target) {
    const value = 'x'.repeat(MIB);
    const writer = await target.open();
    for (let i = 0; i < 4; i++) {
      await writer?.send(postOf(target.port, callOf('kv.put', { key: `unread${i}`, value })));
      await writer?.until(() => writer.answers > i, 5000);
    }
    const question = postOf(target.port, callOf('kv.list', { prefix: 'unread' }));
    const raws = await each(target, target.size(100, 500), 20, async (raw) => {
      raw.socket.pause();
      await raw.send(question.repeat(4));
    });
    await sleep(target.size(500, 2000));
    return { wrote: writer?.answers ?? 0, questions: raws.length * 4 };
  },
};

/** JSON that is none, calls that are none, and ids and parameters of absurd size. */
export const malformedCalls: Attack = {
  name: 'malformed JSON-RPC, huge ids and parameters',
  async run(target) {
    const { port, random } = target;
    const large = (): number => random.int(1000, 2_000_000);
    const raws = await each(target, target.size(60, 600), 4, async (raw) => {
      const body = pick<() => string>(random, [
        () => '['.repeat(large()),
        () => '['.repeat(500_000) + ']'.repeat(500_000),
        () => '{"a":'.repeat(200_000) + '1' + '}'.repeat(200_000),
        () => callOf('kv.get', { key: 'x' }, 'i'.repeat(large())),
        () => callOf('m'.repeat(large()), {}),
        () => `{"jsonrpc":"2.0","id":1e400,"method":"kv.get","params":{"key":"x"}}`,
        () => `[${Array.from({ length: 1000 }, () => callOf('kv.get', 5, 'i'.repeat(1000))).join()}]`,
        () => `[${Array.from({ length: 1000 }, () => 'null').join()}]`,
        () => `{"jsonrpc":"2.0","id":1,"method":"kv.get","params":{"key":${'9'.repeat(large())}}}`,
        () => cut(random, callOf('kv.get', { key: 'x' }), 2)[0] ?? '',
        () => '\u0000\ufeff{}',
        () => callOf('kv.put', { key: 'k'.repeat(large()), value: 'v'.repeat(large()) }),
      ])();
      await raw.send(postOf(port, body));
      await raw.until(() => raw.answers > 0 || !raw.isOpen, 10_000);
    });
    return { sent: raws.length, ...statuses(raws) };
  },
};
