/** The little of Protocol Buffers that etcd's Put and Range need [https://protobuf.dev/programming-guides/encoding]. */

/** A whole number below 2^53 in groups of seven bits, the lowest first. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A field of text or bytes. */
export function bytesField(field: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

/** A field with a whole number or a truth value. */
export function varintField(field: number, value: number | boolean): Buffer {
  return Buffer.concat([varint(field << 3), varint(Number(value))]);
}

/** etcdserverpb.PutRequest, with the encoded field `value` made beforehand. */
export function putRequest(key: string, valueField: Buffer): Buffer {
  return Buffer.concat([bytesField(1, key), valueField]);
}

/** The field `value` of a PutRequest. */
export function putValue(value: string): Buffer {
  return bytesField(2, value);
}

/** etcdserverpb.RangeRequest for one key; serializable: answered by the server itself. */
export function rangeRequest(key: string, serializable: boolean): Buffer {
  return Buffer.concat([bytesField(1, key), ...(serializable ? [varintField(7, true)] : [])]);
}

/** A message of gRPC: not compressed, then its length. */
export function grpcMessage(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
