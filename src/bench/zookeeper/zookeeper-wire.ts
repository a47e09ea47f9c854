import type { Decode, Wire } from '../framed-connection';
import type { ConnectionOptions, Operation, Refusal } from '../system';
import { bytes, int, long, packet } from './jute';

/** org.apache.zookeeper.ZooDefs.OpCode */
const TYPE = { create: 1, getData: 4, setData: 5, sync: 9 } as const;
/** org.apache.zookeeper.KeeperException.Code */
const NODE_EXISTS = -110;
const ANY_VERSION = int(-1);
const PERSISTENT = int(0);
const NO_WATCH = Buffer.of(0);
/** One entry: all five permissions for everybody. */
const OPEN_ACL = [int(1), int(31), bytes('world'), bytes('anyone')];
const SESSION_TIMEOUT_MS = 40_000;
const LENGTH_BYTES = 4;
/** Behind the length: request id (4 bytes), transaction id (8), error code (4). */
const ERROR_AT = LENGTH_BYTES + 12;

/** ZooKeeper's own protocol. A linearizable read is `sync` and `getData`, sent together. */
export function zookeeperWire({ valueBytes, read }: ConnectionOptions): Wire {
  const value = bytes(Buffer.alloc(valueBytes, 'v'));
  const isSynced = read === 'linearizable';
  let requestId = 0;
  const request = (type: number, ...fields: Buffer[]): Buffer =>
    packet(int(++requestId & 0x7fffffff), int(type), ...fields);
  const encode = ([operation, another]: readonly Operation[]): Buffer => {
    if (operation === undefined || another !== undefined) throw new Error('one operation per request');
    const path = bytes(`/${operation.key}`);
    switch (operation.kind) {
      case 'create':
        return request(TYPE.create, path, value, ...OPEN_ACL, PERSISTENT);
      case 'put':
        return request(TYPE.setData, path, value, ANY_VERSION);
      case 'get': {
        const sync = isSynced ? [request(TYPE.sync, path)] : [];
        return Buffer.concat([...sync, request(TYPE.getData, path, NO_WATCH)]);
      }
    }
  };
  const decode: Decode = (received, [operation]) => {
    const answers = operation?.kind === 'get' && isSynced ? 2 : 1;
    let end = 0;
    let refusal: Refusal | undefined;
    for (let answer = 0; answer < answers; answer++) {
      const from = end;
      end = endOfPacket(received, from);
      if (end > received.length) return undefined;
      const code = received.readInt32BE(from + ERROR_AT);
      if (code !== 0 && code !== NODE_EXISTS) refusal = { failed: 1, reason: `ZooKeeper's error ${code}` };
    }
    return { bytes: end, refusal };
  };
  return { encode, decode, greeting: { request: GREETING, decode: decodeGreeting } };
}

/** Protocol 0, nothing seen yet, no earlier session (id and password), not for reading only. */
const GREETING = packet(
  int(0),
  long(0n),
  int(SESSION_TIMEOUT_MS),
  long(0n),
  bytes(Buffer.alloc(16)),
  Buffer.of(0),
);

const decodeGreeting: Decode = (received) => {
  const end = endOfPacket(received, 0);
  if (end > received.length) return undefined;
  const timeoutMs = received.readInt32BE(LENGTH_BYTES + 4);
  if (timeoutMs <= 0) throw new Error('ZooKeeper refused the session');
  return { bytes: end, refusal: undefined };
};

/** Where the packet that begins at `from` ends; Infinity while its length has not arrived. */
function endOfPacket(received: Buffer, from: number): number {
  if (received.length < from + LENGTH_BYTES) return Infinity;
  return from + LENGTH_BYTES + received.readInt32BE(from);
}
